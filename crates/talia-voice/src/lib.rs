//! TalIA Voz.
