"""How cheap may adversarial training be? What is compared, how it is judged and how that is shown."""
