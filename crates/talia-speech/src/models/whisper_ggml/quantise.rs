//! ggml's q8_0: blocks of 32 weights, an f16 scale and 32 signed bytes each.

use half::f16;

/// Weights in a block.
pub const BLOCK: usize = 32;

/// One block as it stands in the file: 2 bytes of scale, 32 bytes of weights.
pub fn quantise_block(weights: &[f32; BLOCK]) -> [u8; BLOCK + 2] {
    let largest = weights
        .iter()
        .fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale.max(1e-12) } else { 0.0 };
    let mut block = [0; BLOCK + 2];
    block[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    for (byte, weight) in block[2..].iter_mut().zip(weights) {
        *byte = (weight * inverse).round_ties_even() as i8 as u8;
    }
    block
}
