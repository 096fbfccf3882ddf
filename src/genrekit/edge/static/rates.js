// The rate that a file was made at, which Web Audio does not tell; 0 where its head does not say.

const MP3_HZ = [[11025, 12000, 8000], null, [22050, 24000, 16000], [44100, 48000, 32000]];
const SEARCHED = 4096;

/** Hertz of WAV, FLAC, MP3 and Ogg files. */
export function nativeRate(bytes) {
  const view = new DataView(bytes);
  const word = (at, length = 4) => String.fromCharCode(...new Uint8Array(bytes, at, Math.max(0, Math.min(length, bytes.byteLength - at))));
  try {
    if (word(0) === "RIFF") return wav(view, word);
    if (word(0) === "fLaC") return view.getUint32(18) >>> 12;
    if (word(0) === "OggS") return ogg(view, word);
    return mp3(view, word(0, 3) === "ID3" ? 10 + syncsafe(view, 6) : 0);
  } catch {
    return 0; // shorter than what it begins like
  }
}

function wav(view, word) {
  let at = 12;
  while (word(at) !== "fmt ") {
    if (at + 8 > view.byteLength) return 0;
    at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) % 2);
  }
  return view.getUint32(at + 12, true);
}

function ogg(view, word) {
  const head = word(0, 64), vorbis = head.indexOf("\u0001vorbis");
  if (head.includes("OpusHead")) return 48000; // whatever it was made of
  return vorbis < 0 ? 0 : view.getUint32(vorbis + 12, true);
}

const syncsafe = (view, at) => [0, 1, 2, 3].reduce((sum, n) => (sum << 7) | view.getUint8(at + n), 0);

function mp3(view, from) {
  for (let at = from; at < from + SEARCHED; at++) {
    if (view.getUint16(at) < 0xffe0) continue;
    const rate = MP3_HZ[(view.getUint8(at + 1) >> 3) & 3]?.[(view.getUint8(at + 2) >> 2) & 3];
    if (rate && (view.getUint8(at + 1) & 6) === 2) return rate;
  }
  return 0;
}
