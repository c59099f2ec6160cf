BEGIN TRANSACTION;
CREATE TABLE drivers (
	id VARCHAR(32) NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	pid INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	heartbeat FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE members (
	"plan" VARCHAR(16) NOT NULL, 
	trial VARCHAR(16) NOT NULL, 
	PRIMARY KEY ("plan", trial)
);
INSERT INTO "members" VALUES('257f618ac35ab7de','1e1fc4ad43f44d60');
INSERT INTO "members" VALUES('257f618ac35ab7de','55bf1dd265fcb726');
INSERT INTO "members" VALUES('257f618ac35ab7de','5cf659113bef158e');
INSERT INTO "members" VALUES('97f33cf4940cd97b','1c65ca0c17208789');
INSERT INTO "members" VALUES('97f33cf4940cd97b','393bff8a35bc6a47');
INSERT INTO "members" VALUES('97f33cf4940cd97b','eb915fc7b6463c2f');
INSERT INTO "members" VALUES('dfd58e1b4c2a646b','4be75029240ffd1f');
INSERT INTO "members" VALUES('dfd58e1b4c2a646b','5ed8d4b87a283747');
INSERT INTO "members" VALUES('dfd58e1b4c2a646b','f2960e554481b430');
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','2');
CREATE TABLE plans (
	hash VARCHAR(16) NOT NULL, 
	name VARCHAR NOT NULL, 
	setup VARCHAR(16) NOT NULL, 
	json TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "plans" VALUES('257f618ac35ab7de','narrow','3cc7c5ad780b5efc','{"data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "extra": [], "name": "narrow", "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 2, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1,channels=2,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "seeds": [0], "space": {"architectures": ["323133", "000300", "444444"], "kind": "list"}}',1.79567111184098124505e+09);
INSERT INTO "plans" VALUES('97f33cf4940cd97b','wide','84b5e9f4daa3d66c','{"data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "extra": [], "name": "wide", "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 4, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1,channels=4,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "seeds": [0], "space": {"architectures": ["323133", "000300", "444444"], "kind": "list"}}',1.7956711218779816627e+09);
INSERT INTO "plans" VALUES('dfd58e1b4c2a646b','half','43c6f6f7c5b62db1','{"data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "extra": [], "name": "half", "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 2, "crop": 0.0, "end_divisor": 10000.0, "epochs": 2, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=2,channels=2,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "seeds": [0], "space": {"architectures": ["323133", "000300", "444444"], "kind": "list"}}',1.7956711262419893741e+09);
CREATE TABLE records (
	architecture VARCHAR(6) NOT NULL, 
	dataset_hash VARCHAR(16) NOT NULL, 
	split VARCHAR(10) NOT NULL, 
	recipe_hash VARCHAR(16) NOT NULL, 
	seed BIGINT NOT NULL, 
	metric VARCHAR(64) NOT NULL, 
	attack_hash VARCHAR(16) NOT NULL, 
	attack_seed BIGINT NOT NULL, 
	images INTEGER NOT NULL, 
	dataset VARCHAR NOT NULL, 
	attack VARCHAR NOT NULL, 
	norm VARCHAR(8), 
	epsilon FLOAT, 
	value FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	torch_version VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	created DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY (architecture, dataset_hash, split, recipe_hash, seed, metric, attack_hash, attack_seed, images)
);
INSERT INTO "records" VALUES('444444','c64e1666fcd65ba2','test','0c1e9e5d14b755c7',0,'clean','',0,50,'digits','clean',NULL,NULL,0.04,1.03310167000017827376e-01,'2.13.0+cpu','cpu','2026-11-26 05:31:58');
INSERT INTO "records" VALUES('444444','c64e1666fcd65ba2','test','0c1e9e5d14b755c7',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.04,4.42311349979718215763e-02,'2.13.0+cpu','cpu','2026-11-26 05:31:58');
INSERT INTO "records" VALUES('000300','c64e1666fcd65ba2','test','0c1e9e5d14b755c7',0,'clean','',0,50,'digits','clean',NULL,NULL,0.1,2.92090299990377388894e-03,'2.13.0+cpu','cpu','2026-11-26 05:31:59');
INSERT INTO "records" VALUES('000300','c64e1666fcd65ba2','test','0c1e9e5d14b755c7',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.1,2.29584660010004881769e-02,'2.13.0+cpu','cpu','2026-11-26 05:31:59');
INSERT INTO "records" VALUES('323133','c64e1666fcd65ba2','test','0c1e9e5d14b755c7',0,'clean','',0,50,'digits','clean',NULL,NULL,0.1,3.81680200007394887506e-02,'2.13.0+cpu','cpu','2026-11-26 05:32:01');
INSERT INTO "records" VALUES('323133','c64e1666fcd65ba2','test','0c1e9e5d14b755c7',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.1,3.58411509987490717321e-02,'2.13.0+cpu','cpu','2026-11-26 05:32:01');
INSERT INTO "records" VALUES('000300','c64e1666fcd65ba2','test','3e14bb31eeebf059',0,'clean','',0,50,'digits','clean',NULL,NULL,0.1,3.12928200219175778329e-03,'2.13.0+cpu','cpu','2026-11-26 05:32:05');
INSERT INTO "records" VALUES('000300','c64e1666fcd65ba2','test','3e14bb31eeebf059',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.1,1.10102910002751741558e-02,'2.13.0+cpu','cpu','2026-11-26 05:32:05');
INSERT INTO "records" VALUES('444444','c64e1666fcd65ba2','test','3e14bb31eeebf059',0,'clean','',0,50,'digits','clean',NULL,NULL,0.14,7.14530400000512599945e-03,'2.13.0+cpu','cpu','2026-11-26 05:32:06');
INSERT INTO "records" VALUES('444444','c64e1666fcd65ba2','test','3e14bb31eeebf059',0,'fgsm@16/255','661422f2240f0174',0,50,'digits','fgsm','linf',6.27450980392156854037e-02,0.04,2.28178059987840242683e-02,'2.13.0+cpu','cpu','2026-11-26 05:32:06');
CREATE TABLE settings (
	hash VARCHAR(16) NOT NULL, 
	json TEXT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "settings" VALUES('3cc7c5ad780b5efc','{"batch_size": 256, "data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "dataset_hash": "c64e1666fcd65ba2", "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "measurements": [{"attack_hash": "", "images": 50, "metric": "clean", "split": "test"}, {"attack_hash": "661422f2240f0174", "images": 50, "metric": "fgsm@16/255", "split": "test"}], "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 2, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1,channels=2,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "recipe_hash": "0c1e9e5d14b755c7"}');
INSERT INTO "settings" VALUES('0c1e9e5d14b755c7','{"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 2, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1,channels=2,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}');
INSERT INTO "settings" VALUES('5a0cfeb3e6e836b3','{"majority": 0.1, "num_classes": 10}');
INSERT INTO "settings" VALUES('661422f2240f0174','{"name": "fgsm", "threat": {"epsilon": "16/255", "norm": "linf"}}');
INSERT INTO "settings" VALUES('84b5e9f4daa3d66c','{"batch_size": 256, "data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "dataset_hash": "c64e1666fcd65ba2", "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "measurements": [{"attack_hash": "", "images": 50, "metric": "clean", "split": "test"}, {"attack_hash": "661422f2240f0174", "images": 50, "metric": "fgsm@16/255", "split": "test"}], "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 4, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1,channels=4,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "recipe_hash": "3e14bb31eeebf059"}');
INSERT INTO "settings" VALUES('3e14bb31eeebf059','{"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 4, "crop": 0.0, "end_divisor": 10000.0, "epochs": 1, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=1,channels=4,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}');
INSERT INTO "settings" VALUES('43c6f6f7c5b62db1','{"batch_size": 256, "data": {"allow_partial": false, "limit_train": 64, "name": "digits", "validation": 0.1}, "dataset_hash": "c64e1666fcd65ba2", "evaluation": {"attacks": [{"epsilon": "16/255", "name": "fgsm", "norm": "linf"}], "batch_size": 256, "checks": true, "images": {"test": 50}, "limits": {}, "splits": ["test"]}, "measurements": [{"attack_hash": "", "images": 50, "metric": "clean", "split": "test"}, {"attack_hash": "661422f2240f0174", "images": 50, "metric": "fgsm@16/255", "split": "test"}], "recipe": {"attack": {"random_start": true, "restarts": 1, "step_size": 0.1568627450980392, "steps": 1, "threat": {"epsilon": "32/255", "norm": "linf"}}, "batch_size": 64, "beta": 1.0, "cells": 1, "channels": 2, "crop": 0.0, "end_divisor": 10000.0, "epochs": 2, "flip": false, "high_momentum": 0.95, "low_momentum": 0.85, "max_lr": 0.1, "name": "digits+epochs=2,channels=2,attack=pgd-1@32/255", "objective": "mixed", "precision": "float32", "start_divisor": 25.0, "trades_weight": 6.0, "warmup": 0.3, "weight_decay": 0.0005}, "recipe_hash": "a83bcb68d14eaaa8"}');
CREATE TABLE trials (
	hash VARCHAR(16) NOT NULL, 
	setup VARCHAR(16) NOT NULL, 
	architecture VARCHAR(6) NOT NULL, 
	seed BIGINT NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	owner VARCHAR(32), 
	deaths INTEGER DEFAULT '0' NOT NULL, 
	claimed FLOAT, 
	finished FLOAT, 
	seconds FLOAT, 
	failure VARCHAR(16), 
	message TEXT, 
	PRIMARY KEY (hash)
);
INSERT INTO "trials" VALUES('1e1fc4ad43f44d60','3cc7c5ad780b5efc','444444',0,'done',NULL,0,1.79567111192301654817e+09,1.7956711181299834251e+09,1.884342841000034241e+00,NULL,NULL);
INSERT INTO "trials" VALUES('55bf1dd265fcb726','3cc7c5ad780b5efc','000300',0,'done',NULL,0,1.7956711181690096855e+09,1795671119.88101,1.6785505279985954985e+00,NULL,'test: a very large epsilon drives accuracy to 0: accuracy 0.100 at linf 1 on 50 images');
INSERT INTO "trials" VALUES('5cf659113bef158e','3cc7c5ad780b5efc','323133',0,'done',NULL,0,1.7956711199100182057e+09,1.79567112178198552132e+09,1.81678821199966478161e+00,NULL,NULL);
INSERT INTO "trials" VALUES('1c65ca0c17208789','84b5e9f4daa3d66c','000300',0,'done',NULL,0,1.7956711219250142574e+09,1.79567112503201818467e+09,1.13941254900055355392e+00,NULL,'test: a very large epsilon drives accuracy to 0: accuracy 0.100 at linf 1 on 50 images');
INSERT INTO "trials" VALUES('393bff8a35bc6a47','84b5e9f4daa3d66c','444444',0,'done',NULL,0,1.795671125060986042e+09,1.79567112614100432392e+09,1.05355024500022409483e+00,NULL,NULL);
INSERT INTO "trials" VALUES('eb915fc7b6463c2f','84b5e9f4daa3d66c','323133',0,'waiting',NULL,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES('4be75029240ffd1f','43c6f6f7c5b62db1','444444',0,'failed',NULL,0,1.7956711263080120086e+09,1.79567112633601427083e+09,1.0,'error','it went wrong');
INSERT INTO "trials" VALUES('5ed8d4b87a283747','43c6f6f7c5b62db1','323133',0,'waiting',NULL,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "trials" VALUES('f2960e554481b430','43c6f6f7c5b62db1','000300',0,'waiting',NULL,0,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX trials_by_state ON trials (state, owner);
CREATE INDEX trials_by_time ON trials (finished);
CREATE INDEX trials_by_setup ON trials (setup, architecture, seed);
COMMIT;
