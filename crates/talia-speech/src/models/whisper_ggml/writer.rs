//! Writes ggml's fields and tensors.

use super::ConvertError;
use super::ctranslate2::Tensor;
use super::quantise::{BLOCK, quantise_block};
use half::f16;
use std::io::{self, Write};

const F32: u32 = 0;
const F16: u32 = 1;
const Q8_0: u32 = 8;

pub(super) struct GgmlWriter<W> {
    out: W,
}

impl<W: Write> GgmlWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    pub(super) fn u32(&mut self, value: u32) -> io::Result<()> {
        self.out.write_all(&value.to_le_bytes())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    pub(super) fn f32s(&mut self, values: &[f32]) -> io::Result<()> {
        values
            .iter()
            .try_for_each(|value| self.out.write_all(&value.to_le_bytes()))
    }

    /// Dimensions are written innermost first.
    fn head(&mut self, name: &str, element: u32, dimensions: &[usize]) -> io::Result<()> {
        self.u32(dimensions.len() as u32)?;
        self.u32(name.len() as u32)?;
        self.u32(element)?;
        for dimension in dimensions.iter().rev() {
            self.u32(*dimension as u32)?;
        }
        self.bytes(name.as_bytes())
    }

    /// A tensor kept as f32.
    pub(super) fn plain(&mut self, name: &str, tensor: &Tensor<'_>) -> Result<(), ConvertError> {
        self.head(name, F32, &tensor.dimensions)?;
        Ok(tensor
            .floats()?
            .try_for_each(|value| self.out.write_all(&value.to_le_bytes()))?)
    }

    /// A vector kept as f32 with a second dimension of one, which convolutions want of their bias.
    pub(super) fn column(&mut self, name: &str, mut tensor: Tensor<'_>) -> Result<(), ConvertError> {
        tensor.dimensions.push(1);
        self.plain(name, &tensor)
    }

    /// A weight: q8_0 where it is a matrix, f16 otherwise.
    pub(super) fn weight(&mut self, name: &str, tensor: &Tensor<'_>) -> Result<(), ConvertError> {
        let mut floats = tensor.floats()?;
        let matrix = tensor.dimensions.len() == 2;
        self.head(name, if matrix { Q8_0 } else { F16 }, &tensor.dimensions)?;
        if !matrix {
            return Ok(floats.try_for_each(|value| self.out.write_all(&f16::from_f32(value).to_le_bytes()))?);
        }
        if !tensor.dimension(1)?.is_multiple_of(BLOCK) {
            return Err(ConvertError::Shape(name.to_owned()));
        }
        let blocks = tensor.dimension(0)? * tensor.dimension(1)? / BLOCK;
        for _ in 0..blocks {
            let mut block = [0.0; BLOCK];
            block
                .iter_mut()
                .zip(&mut floats)
                .for_each(|(slot, value)| *slot = value);
            self.bytes(&quantise_block(&block))?;
        }
        Ok(())
    }
}
