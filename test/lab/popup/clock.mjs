// Reads the clock in the door's picture: the layout is internal/camera/clock.go's.
const BAND = 6;
const ROWS = 4;
const COLUMNS = 32;
const CONTRAST = 48;

// readClock finds time (milliseconds of Unix time) and frame number in the luma of a picture's topmost rows, or null.
export function readClock(luma, stride, width, height) {
  const cell = (row, column) => {
    const x0 = Math.floor((width * column) / COLUMNS);
    const x1 = Math.floor((width * (column + 1)) / COLUMNS);
    const y0 = Math.floor((height * row) / (BAND * ROWS));
    const y1 = Math.floor((height * (row + 1)) / (BAND * ROWS));
    const dx = (x1 - x0) >> 2;
    const dy = (y1 - y0) >> 2;
    let sum = 0;
    let count = 0;
    for (let y = y0 + dy; y < y1 - dy; y++) {
      for (let x = x0 + dx; x < x1 - dx; x++) {
        sum += luma[y * stride + x];
        count++;
      }
    }
    return sum / count;
  };
  let dark = 0;
  let bright = 0;
  for (let column = 0; column < COLUMNS; column++) {
    if (column % 2) bright += cell(0, column);
    else dark += cell(0, column);
  }
  dark /= COLUMNS / 2;
  bright /= COLUMNS / 2;
  if (bright - dark < CONTRAST) return null;
  const threshold = (dark + bright) / 2;
  const bytes = new Uint8Array(12);
  for (let i = 0; i < 96; i++) {
    if (cell(1 + Math.floor(i / COLUMNS), i % COLUMNS) > threshold) bytes[i >> 3] |= 0x80 >> (i & 7);
  }
  const view = new DataView(bytes.buffer);
  if (crc16(bytes.subarray(0, 10)) !== view.getUint16(10)) return null;
  return { at: view.getUint16(0) * 2 ** 32 + view.getUint32(2), number: view.getUint32(6) };
}

// bandHeight is how many rows at the top of a picture hold the clock; it is even, as decoded pictures are copied by pairs of rows.
export const bandHeight = (height) => Math.min(height, 2 * Math.ceil(height / BAND / 2));

function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
