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

#[cfg(test)]
mod tests {
    use super::{BLOCK, quantise_block};
    use half::f16;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_weight_comes_back_within_half_a_step(weights in prop::array::uniform32(-8.0_f32..8.0)) {
            let block = quantise_block(&weights);
            let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
            let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
            for (byte, weight) in block[2..].iter().zip(weights) {
                let back = f32::from(*byte as i8) * scale;
                // Half a step, and what the scale loses as f16 (eleven bits).
                prop_assert!((back - weight).abs() <= 0.5 * largest / 127.0 + largest / 1_024.0);
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        assert_eq!(quantise_block(&[0.0; BLOCK]), [0; BLOCK + 2]);
    }
}
