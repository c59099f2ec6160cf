// Thousands of equal discs in one bitmap: a mask is blended at each place. Without a graphics card this is many times
// faster than as many calls of the canvas, and with one it costs an upload.

/** Coverage of each pixel of a disc, by 4×4 samples. */
function maskOf(radius) {
  const half = Math.ceil(radius + 0.5), mask = [];
  for (let dy = -half; dy <= half; dy++) {
    for (let dx = -half; dx <= half; dx++) {
      let inside = 0;
      for (let sample = 0; sample < 16; sample++) {
        const x = dx + (sample % 4 - 1.5) / 4, y = dy + (Math.floor(sample / 4) - 1.5) / 4;
        if (x * x + y * y <= radius * radius) inside++;
      }
      if (inside) mask.push({ dx, dy, coverage: inside / 16 });
    }
  }
  return { half, mask };
}

/** Red, green and blue of a colour of the style sheet such as #0a5c9e. @param {string} colour */
export function channels(colour) {
  const digits = parseInt(colour.slice(1), 16);
  return [digits >> 16, (digits >> 8) & 255, digits & 255];
}

/** A bitmap that discs are stamped on. */
export class Stamps {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.image = null;
  }

  /** An empty bitmap of some pixels. */
  clear(width, height) {
    if (this.image?.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.context.createImageData(width, height);
    } else {
      new Uint32Array(this.image.data.buffer).fill(0);
    }
  }

  /**
   * @param {string} colour @param {number[]} xs pixels @param {number[]} ys @param {number} radius @param {number} alpha
   */
  add(colour, xs, ys, radius, alpha) {
    const { width, height, data } = this.image, { half, mask } = maskOf(radius), [red, green, blue] = channels(colour);
    const offsets = Int32Array.from(mask, ({ dx, dy }) => 4 * (dy * width + dx)), shares = Float64Array.from(mask, ({ coverage }) => coverage * alpha);
    for (let i = 0; i < xs.length; i++) {
      const x = Math.round(xs[i]), y = Math.round(ys[i]);
      if (x < half || y < half || x >= width - half || y >= height - half) continue;
      const centre = 4 * (y * width + x);
      for (let k = 0; k < offsets.length; k++) blend(data, centre + offsets[k], red, green, blue, shares[k]);
    }
  }

  /** The canvas that holds the bitmap. */
  finish() {
    this.context.putImageData(this.image, 0, 0);
    return this.canvas;
  }
}

/** Puts a colour over what is there; neither is multiplied by its alpha. */
function blend(data, at, red, green, blue, share) {
  const below = data[at + 3] / 255 * (1 - share), alpha = share + below, over = share / alpha;
  data[at] += (red - data[at]) * over;
  data[at + 1] += (green - data[at + 1]) * over;
  data[at + 2] += (blue - data[at + 2]) * over;
  data[at + 3] = 255 * alpha;
}
