//! Well-known mail domains, and what recognisers make of them.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::ear::sound::{likeness, sounds};

/// A mail provider that callers name often.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    /// Its endings, the usual one first.
    pub(crate) endings: &'static [&'static str],
    /// Spellings seen or to be expected, folded, without spaces.
    aliases: &'static [&'static str],
}

const PROVIDERS: &[Provider] = &[
    Provider {
        name: "gmail",
        endings: &["com"],
        aliases: &[
            "jemail", "gemail", "jimeil", "gimeil", "yimeil", "yimail", "jimail", "gemael", "jemael", "gemaelel",
            "gemel", "jemeil", "gemeil", "jmail", "gmeil", "yemail", "yemeil", "jimel", "gimail", "gimel", "chimail",
            "dgmail", "djmail", "jimale", "gmael", "ghmail", "gemai", "jemai", "gmal", "gmial", "gamil", "yimel",
            "llimeil", "llemail", "gemal", "jemal", "hemail", "hemael", "himail", "hemaelel", "imail", "himeil",
            "gimale", "gemil", "gemaell", "jeimail", "jemailel", "gemailel", "jimeal", "gmeal", "gmile", "gemayl",
            "jemayl", "hemaell", "gemaill", "djimeil", "gemaele", "jmeil", "jimell", "hemel", "jimail", "gemaila",
            "email", "emael", "gilmail", "jilmail", "gimeel", "jimeel", "gemeel", "jemeel",
        ],
    },
    Provider {
        name: "hotmail",
        endings: &["com", "es", "com.mx", "com.ar"],
        aliases: &[
            "jotmeil", "jotmail", "hotmeil", "otmail", "otmeil", "outmail", "outmeil", "jotmel", "hotmel", "hotmael",
            "jotmael", "otmael", "houtmail", "rotmail", "hotemail", "jotemail", "jotamail", "hodmail", "jodmail",
            "hatmail", "hotmai", "hotmal", "homail", "gotmail", "gotmeil", "jotmal", "otmel", "jotameil", "hotmale",
            "jotmale", "aotmail", "hogmail", "autmail", "jogmail", "votmail", "outmael", "oatmeal", "hotmeal",
            "jotmai", "jolmail", "holmail", "jodmel", "jodmeel", "jotmeel", "hotmeel", "otmeel",
        ],
    },
    Provider {
        name: "outlook",
        endings: &["com", "es", "com.mx", "com.ar"],
        aliases: &[
            "autluk", "hotlock", "outluk", "autlook", "hotlook", "autlock", "outlock", "outlup", "autluc", "outluc",
            "aulook", "aoutlook", "outloock", "audluk", "autlok", "outlok", "otlook", "otluk", "autlut", "auluk",
            "audlook", "outlooc", "autloc", "outloc", "hotluk", "altlook", "outluke", "autoluk", "auduluk", "autoloc",
            "outelook", "autulook", "otlock", "jotluk",
        ],
    },
    Provider {
        name: "yahoo",
        endings: &["com", "com.mx", "es", "com.ar"],
        aliases: &[
            "yaju", "yahu", "jahoo", "llaju", "llahoo", "yajo", "yaho", "yajoo", "yau", "iahoo", "iaju", "jaju",
            "yahuu", "llahu", "yagu", "giaju", "yaoo", "yajuu", "yauu", "shaju", "yaou", "yauh", "yahuh", "iauh",
        ],
    },
    Provider {
        name: "icloud",
        endings: &["com"],
        aliases: &[
            "aiclaud", "aicloud", "iclaud", "aiclau", "aicloud", "icloud", "ayclaud", "aclaud", "eyecloud", "iclau",
            "aiklaud", "haiclaud", "aycloud", "icloude", "aicloude", "isloud", "icloth", "haycloud",
        ],
    },
    Provider {
        name: "live",
        endings: &["com", "com.mx", "com.ar"],
        aliases: &["laif", "laiv", "laib", "life", "lif", "liv", "laive", "laes", "layf"],
    },
    Provider {
        name: "protonmail",
        endings: &["com"],
        aliases: &[
            "protonmeil",
            "protomail",
            "protonmael",
            "protonmel",
            "protonemail",
            "protomeil",
        ],
    },
    Provider {
        name: "proton",
        endings: &["me"],
        aliases: &["protón", "protom"],
    },
    Provider {
        name: "msn",
        endings: &["com"],
        aliases: &["emeesene", "emesene", "mesn", "emsn"],
    },
    Provider {
        name: "aol",
        endings: &["com"],
        aliases: &["aoele", "aoeele"],
    },
    Provider {
        name: "gmx",
        endings: &["com", "es", "net"],
        aliases: &["geemeequis"],
    },
    Provider {
        name: "prodigy",
        endings: &["net.mx"],
        aliases: &["prodigi", "prodiyi", "prodiji"],
    },
    Provider {
        name: "telmex",
        endings: &["com"],
        aliases: &[],
    },
    Provider {
        name: "fibertel",
        endings: &["com.ar"],
        aliases: &["faibertel", "fivertel", "fiberter"],
    },
    Provider {
        name: "speedy",
        endings: &["com.ar"],
        aliases: &["espidi", "spidi"],
    },
    Provider {
        name: "telefonica",
        endings: &["net", "es"],
        aliases: &[],
    },
    Provider {
        name: "movistar",
        endings: &["es"],
        aliases: &["mobistar"],
    },
    Provider {
        name: "unam",
        endings: &["mx"],
        aliases: &[],
    },
    Provider {
        name: "zoho",
        endings: &["com"],
        aliases: &["soho", "zojo", "sojo", "soo"],
    },
];

/// Names and aliases long enough to be told by their sound.
static BY_SOUND: LazyLock<HashMap<String, &'static Provider>> = LazyLock::new(|| {
    let long = |provider: &'static Provider| {
        let names = std::iter::once(&provider.name)
            .chain(provider.aliases)
            .filter(|name| name.len() >= 5);
        names.map(move |name| (sounds(name), provider))
    };
    PROVIDERS
        .iter()
        .filter(|provider| provider.name.len() >= 5)
        .flat_map(long)
        .collect()
});

/// The provider that a heard name means, and how alike it is, 0 to 1; nothing if none is near.
pub(crate) fn recognise(heard: &str) -> Option<(&'static Provider, f32)> {
    if let Some(exact) = PROVIDERS.iter().find(|provider| provider.name == heard) {
        return Some((exact, 1.0));
    }
    if heard.len() < 3 {
        return None;
    }
    if let Some(alias) = PROVIDERS.iter().find(|provider| provider.aliases.contains(&heard)) {
        return Some((alias, 0.95));
    }
    if let Some(sounding) = BY_SOUND.get(&sounds(heard)) {
        return Some((sounding, 0.9));
    }
    PROVIDERS
        .iter()
        .filter(|provider| provider.name.len() >= 5 && heard.len() >= 4)
        .map(|provider| (provider, likeness(heard, provider.name) as f32))
        .filter(|(provider, alike)| *alike >= if provider.name.len() >= 7 { 0.7 } else { 0.75 })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(provider, alike)| (provider, alike * 0.8))
}
