//! G.711 μ-law: one byte a sample.

/// The μ-law byte of silence (linear zero).
pub const SILENCE: u8 = 0xFF;

const BIAS: i32 = 0x84;
const CLIP: i32 = 32_635;

/// Linear 16-bit values of all 256 μ-law bytes.
pub static DECODED: [i16; 256] = decoded();

const fn decoded() -> [i16; 256] {
    let mut table = [0_i16; 256];
    let mut byte = 0;
    while byte < 256 {
        let bits = !(byte as u8);
        let magnitude = (((bits & 0x0F) as i32) << 3) + BIAS;
        let linear = (magnitude << ((bits >> 4) & 0x07)) - BIAS;
        table[byte] = if bits & 0x80 == 0 {
            linear as i16
        } else {
            -linear as i16
        };
        byte += 1;
    }
    table
}

/// Linear 16-bit sample of one μ-law byte.
#[inline]
pub fn decode(byte: u8) -> i16 {
    DECODED[byte as usize]
}

/// μ-law byte of one linear 16-bit sample.
#[inline]
pub fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80_u8 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    // The segment is the position of the highest set bit above bit 7.
    let segment = (24 - (magnitude as u32).leading_zeros()) as u8;
    let mantissa = ((magnitude >> (segment + 3)) & 0x0F) as u8;
    !(sign | (segment << 4) | mantissa)
}

/// Decodes as many samples as both slices hold and returns how many that was.
pub fn decode_into(bytes: &[u8], samples: &mut [i16]) -> usize {
    for (sample, &byte) in samples.iter_mut().zip(bytes) {
        *sample = decode(byte);
    }
    bytes.len().min(samples.len())
}

/// Encodes as many samples as both slices hold and returns how many that was.
pub fn encode_into(samples: &[i16], bytes: &mut [u8]) -> usize {
    for (byte, &sample) in bytes.iter_mut().zip(samples) {
        *byte = encode(sample);
    }
    samples.len().min(bytes.len())
}
