// The exported files, each checked against the manifest before anything is made of it.

const FORMAT = "robnas-explorer", VERSION = 4, MANIFEST = "data/manifest.json";

/** The exported data cannot be shown; the text is for people. */
export class DataError extends Error {}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** CRC-32 as zlib and PNG have it. @param {ArrayBuffer} buffer @returns {number} */
export function crc32(buffer) {
  let rest = 0xffffffff;
  for (const byte of new Uint8Array(buffer)) rest = CRC_TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

/** @returns {Promise<ArrayBuffer>} */
async function fetched(path) {
  if (typeof path !== "string") throw new DataError("data/explorer.json is damaged: it names a file that is none. Export the site again.");
  let response;
  try {
    response = await fetch(path);
  } catch {
    throw new DataError(`${path} could not be read: is the server still running?`);
  }
  if (!response.ok) throw new DataError(`${path} is missing from this site (${response.status}): export it again.`);
  return response.arrayBuffer();
}

function parsed(path, buffer) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(buffer));
  } catch {
    throw new DataError(`${path} is damaged: it holds no JSON. Export the site again.`);
  }
}

export class Files {
  /** Reads the manifest. @throws {DataError} */
  static async open() {
    const manifest = parsed(MANIFEST, await fetched(MANIFEST));
    if (manifest?.format !== FORMAT) throw new DataError(`${MANIFEST} is not that of a robnas explorer.`);
    if (manifest.version !== VERSION) {
      throw new DataError(`This site was exported in format ${manifest.version}, its page reads format ${VERSION}: export it again.`);
    }
    return new Files(manifest.files);
  }

  constructor(checksums) { this.checksums = new Map(Object.entries(checksums ?? {})); }

  /** A file as it was exported. @throws {DataError} it is missing, or no longer what it was */
  async read(path) {
    const buffer = await fetched(path);
    if (this.checksums.get(path) !== crc32(buffer)) {
      throw new DataError(`${path} is damaged: it does not hold what was exported. Export the site again.`);
    }
    return buffer;
  }

  async json(path) { return parsed(path, await this.read(path)); }
}
