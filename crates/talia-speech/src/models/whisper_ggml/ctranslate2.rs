//! Reads CTranslate2's binary model format: named tensors, little-endian.

use super::ConvertError;
use half::f16;
use std::collections::HashMap;

/// Element types by their number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    F32,
    I8,
    I16,
    I32,
    F16,
}

impl Type {
    fn of(number: u8) -> Result<Self, ConvertError> {
        Ok(match number {
            0 => Self::F32,
            1 => Self::I8,
            2 => Self::I16,
            3 => Self::I32,
            4 => Self::F16,
            _ => return Err(ConvertError::Malformed("unknown element type")),
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 | Self::F16 => 2,
            Self::F32 | Self::I32 => 4,
        }
    }
}

/// A tensor that borrows its bytes; dimensions in row-major order.
#[derive(Debug, Clone)]
pub(super) struct Tensor<'a> {
    name: String,
    pub(super) dimensions: Vec<usize>,
    element: Type,
    data: &'a [u8],
}

impl<'a> Tensor<'a> {
    fn bad(&self) -> ConvertError {
        ConvertError::Shape(self.name.clone())
    }

    pub(super) fn dimension(&self, index: usize) -> Result<usize, ConvertError> {
        self.dimensions.get(index).copied().ok_or_else(|| self.bad())
    }

    /// The value of an integer scalar.
    pub(super) fn integer(&self) -> Result<usize, ConvertError> {
        let value = match (self.element, self.data) {
            (Type::I8, &[a]) => i64::from(a as i8),
            (Type::I16, &[a, b]) => i64::from(i16::from_le_bytes([a, b])),
            (Type::I32, &[a, b, c, d]) => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => return Err(self.bad()),
        };
        usize::try_from(value).map_err(|_| self.bad())
    }

    /// The tensor cut along its first dimension into equal parts.
    pub(super) fn split_rows(&self, parts: usize) -> Result<Vec<Self>, ConvertError> {
        let rows = self.dimension(0)?;
        if rows == 0 || rows % parts != 0 {
            return Err(self.bad());
        }
        let bytes = self.data.len() / parts;
        Ok(self
            .data
            .chunks_exact(bytes)
            .map(|data| {
                let mut part = self.clone();
                part.dimensions[0] = rows / parts;
                part.data = data;
                part
            })
            .collect())
    }

    /// The elements as f32; only floating-point tensors have them.
    pub(super) fn floats(&self) -> Result<impl Iterator<Item = f32> + use<'a>, ConvertError> {
        let element = self.element;
        if !matches!(element, Type::F16 | Type::F32) {
            return Err(self.bad());
        }
        Ok(self.data.chunks_exact(element.bytes()).map(move |bytes| match *bytes {
            [a, b] => f16::from_le_bytes([a, b]).to_f32(),
            [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
            _ => unreachable!("chunks are two or four bytes"),
        }))
    }
}

/// A parsed model.
pub(super) struct Model<'a> {
    tensors: HashMap<String, Tensor<'a>>,
}

impl<'a> Model<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ConvertError> {
        let mut reader = Reader { rest: bytes };
        let _version = reader.u32()?;
        let _specification = reader.name()?;
        let _revision = reader.u32()?;
        let count = reader.u32()?;
        let mut tensors = HashMap::new();
        for _ in 0..count {
            let tensor = reader.tensor()?;
            tensors.insert(tensor.name.clone(), tensor);
        }
        // Aliases and other settings follow; Whisper needs none of them.
        Ok(Self { tensors })
    }

    pub(super) fn get(&self, name: &str) -> Result<Tensor<'a>, ConvertError> {
        self.tensors
            .get(name)
            .cloned()
            .ok_or_else(|| ConvertError::NoTensor(name.to_owned()))
    }

    /// How many layers the encoder or decoder has.
    pub(super) fn layers(&self, side: &str) -> usize {
        (0..self.tensors.len())
            .take_while(|layer| {
                self.tensors
                    .contains_key(&format!("{side}/layer_{layer}/ffn/linear_0/weight"))
            })
            .count()
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ConvertError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(bytes)
            .ok_or(ConvertError::Malformed("it ends inside a field"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ConvertError> {
        let taken = self.take(N)?;
        Ok(std::array::from_fn(|i| taken[i]))
    }

    fn u32(&mut self) -> Result<u32, ConvertError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length of two bytes, that many bytes, the last of them zero.
    fn name(&mut self) -> Result<String, ConvertError> {
        let length = u16::from_le_bytes(self.array()?);
        let bytes = self.take(length.into())?;
        let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        String::from_utf8(text.to_vec()).map_err(|_| ConvertError::Malformed("a name is no UTF-8"))
    }

    fn tensor(&mut self) -> Result<Tensor<'a>, ConvertError> {
        let name = self.name()?;
        let [rank] = self.array()?;
        let dimensions = (0..rank)
            .map(|_| self.u32().map(|dimension| dimension as usize))
            .collect::<Result<Vec<_>, _>>()?;
        let [number] = self.array()?;
        let element = Type::of(number)?;
        let length = self.u32()? as usize;
        let expected = dimensions
            .iter()
            .try_fold(element.bytes(), |product, &dimension| product.checked_mul(dimension));
        if expected != Some(length) {
            return Err(ConvertError::Shape(name));
        }
        let data = self.take(length)?;
        Ok(Tensor {
            name,
            dimensions,
            element,
            data,
        })
    }
}
