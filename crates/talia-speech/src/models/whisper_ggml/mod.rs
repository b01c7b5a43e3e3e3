//! Rewrites a CTranslate2 Whisper model (f16) as whisper.cpp's ggml file with q8_0 weights.
//!
//! Matrices become q8_0; convolutions stay f16; vectors and positional encodings are f32, as whisper.cpp expects them.

mod ctranslate2;
mod mel;
mod quantise;
mod tokens;
mod writer;

pub use quantise::{BLOCK, quantise_block};

use ctranslate2::{Model, Tensor};
use std::io::{self, Write};
use writer::GgmlWriter;

/// Why a model can't be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("the CTranslate2 file ends early or is malformed: {0}")]
    Malformed(&'static str),
    #[error("the model has no tensor {0}")]
    NoTensor(String),
    #[error("tensor {0} has an unexpected type or shape")]
    Shape(String),
    #[error("the tokenizer is malformed: {0}")]
    Tokenizer(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Tokens of the multilingual vocabulary before `<|endoftext|>`; the last of them is empty.
const TEXT_TOKENS: usize = 50_257;
/// ggml's file type for q8_0 (7), with quantisation version 2 in the thousands.
const FILE_TYPE: u32 = 2_007;
/// "ggml" as whisper.cpp reads it.
const MAGIC: u32 = 0x6767_6d6c;

/// Converts `model` (a CTranslate2 `model.bin`) with its Hugging Face `tokenizer.json` into `out`.
pub fn convert(model: &[u8], tokenizer: &[u8], out: &mut impl Write) -> Result<(), ConvertError> {
    let model = Model::parse(model)?;
    let mut out = GgmlWriter::new(out);
    header(&model, &mut out)?;
    let mel_bands = model.get("encoder/conv1/weight")?.dimension(1)?;
    out.u32(mel_bands as u32)?;
    out.u32(mel::BINS as u32)?;
    out.f32s(&mel::filters(mel_bands))?;
    let tokens = tokens::text_tokens(tokenizer, TEXT_TOKENS)?;
    out.u32(tokens.len() as u32)?;
    for token in &tokens {
        out.u32(token.len() as u32)?;
        out.bytes(token)?;
    }
    tensors(&model, &mut out)
}

fn header<W: Write>(model: &Model<'_>, out: &mut GgmlWriter<W>) -> Result<(), ConvertError> {
    let state = model.get("encoder/conv1/bias")?.dimension(0)?;
    let heads = model.get("encoder/num_heads")?.integer()?;
    let fields = [
        model.get("decoder/embeddings/weight")?.dimension(0)?,
        model.get("encoder/position_encodings/encodings")?.dimension(0)?,
        state,
        heads,
        model.layers("encoder"),
        model.get("decoder/position_encodings/encodings")?.dimension(0)?,
        state,
        heads,
        model.layers("decoder"),
        model.get("encoder/conv1/weight")?.dimension(1)?,
    ];
    out.u32(MAGIC)?;
    for field in fields {
        out.u32(field as u32)?;
    }
    out.u32(FILE_TYPE)?;
    Ok(())
}

fn tensors<W: Write>(model: &Model<'_>, out: &mut GgmlWriter<W>) -> Result<(), ConvertError> {
    let encodings = |side: &str| model.get(&format!("{side}/position_encodings/encodings"));
    out.plain("encoder.positional_embedding", &encodings("encoder")?)?;
    for i in [1, 2] {
        out.weight(
            &format!("encoder.conv{i}.weight"),
            &model.get(&format!("encoder/conv{i}/weight"))?,
        )?;
        out.column(
            &format!("encoder.conv{i}.bias"),
            model.get(&format!("encoder/conv{i}/bias"))?,
        )?;
    }
    norm(model, out, "encoder.ln_post", "encoder/layer_norm")?;
    out.plain("decoder.positional_embedding", &encodings("decoder")?)?;
    out.weight(
        "decoder.token_embedding.weight",
        &model.get("decoder/embeddings/weight")?,
    )?;
    norm(model, out, "decoder.ln", "decoder/layer_norm")?;
    for side in ["encoder", "decoder"] {
        for layer in 0..model.layers(side) {
            let to = format!("{side}.blocks.{layer}");
            let from = format!("{side}/layer_{layer}");
            self_attention(model, out, &format!("{to}.attn"), &format!("{from}/self_attention"))?;
            if side == "decoder" {
                cross_attention(model, out, &format!("{to}.cross_attn"), &format!("{from}/attention"))?;
            }
            norm(model, out, &format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"))?;
            for (ggml, ct2) in [("0", "linear_0"), ("2", "linear_1")] {
                let from = format!("{from}/ffn/{ct2}");
                out.weight(
                    &format!("{to}.mlp.{ggml}.weight"),
                    &model.get(&format!("{from}/weight"))?,
                )?;
                out.plain(&format!("{to}.mlp.{ggml}.bias"), &model.get(&format!("{from}/bias"))?)?;
            }
        }
    }
    Ok(())
}

fn norm<W: Write>(model: &Model<'_>, out: &mut GgmlWriter<W>, to: &str, from: &str) -> Result<(), ConvertError> {
    out.plain(&format!("{to}.weight"), &model.get(&format!("{from}/gamma"))?)?;
    out.plain(&format!("{to}.bias"), &model.get(&format!("{from}/beta"))?)
}

/// CTranslate2 keeps query, key and value of self-attention in one matrix.
fn self_attention<W: Write>(
    model: &Model<'_>,
    out: &mut GgmlWriter<W>,
    to: &str,
    from: &str,
) -> Result<(), ConvertError> {
    let weights = model.get(&format!("{from}/linear_0/weight"))?.split_rows(3)?;
    let biases = model.get(&format!("{from}/linear_0/bias"))?.split_rows(3)?;
    projections(out, to, &weights, &biases)?;
    output(model, out, to, &format!("{from}/linear_1"))?;
    norm(model, out, &format!("{to}_ln"), &format!("{from}/layer_norm"))
}

/// Cross-attention has its query apart from key and value.
fn cross_attention<W: Write>(
    model: &Model<'_>,
    out: &mut GgmlWriter<W>,
    to: &str,
    from: &str,
) -> Result<(), ConvertError> {
    let mut weights = vec![model.get(&format!("{from}/linear_0/weight"))?];
    weights.extend(model.get(&format!("{from}/linear_1/weight"))?.split_rows(2)?);
    let mut biases = vec![model.get(&format!("{from}/linear_0/bias"))?];
    biases.extend(model.get(&format!("{from}/linear_1/bias"))?.split_rows(2)?);
    projections(out, to, &weights, &biases)?;
    output(model, out, to, &format!("{from}/linear_2"))?;
    norm(model, out, &format!("{to}_ln"), &format!("{from}/layer_norm"))
}

/// Query, key (which has no bias in Whisper) and value.
fn projections<W: Write>(
    out: &mut GgmlWriter<W>,
    to: &str,
    weights: &[Tensor<'_>],
    biases: &[Tensor<'_>],
) -> Result<(), ConvertError> {
    let ([query, key, value], [query_bias, _, value_bias]) = (weights, biases) else {
        return Err(ConvertError::Shape(to.to_owned()));
    };
    out.weight(&format!("{to}.query.weight"), query)?;
    out.plain(&format!("{to}.query.bias"), query_bias)?;
    out.weight(&format!("{to}.key.weight"), key)?;
    out.weight(&format!("{to}.value.weight"), value)?;
    out.plain(&format!("{to}.value.bias"), value_bias)
}

fn output<W: Write>(model: &Model<'_>, out: &mut GgmlWriter<W>, to: &str, from: &str) -> Result<(), ConvertError> {
    out.weight(&format!("{to}.out.weight"), &model.get(&format!("{from}/weight"))?)?;
    out.plain(&format!("{to}.out.bias"), &model.get(&format!("{from}/bias"))?)
}
