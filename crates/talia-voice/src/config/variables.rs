//! `${NAME}` in a value of the file: an environment variable, so that a secret needn't stand there.

use secrecy::SecretString;
use std::collections::HashMap;

/// The value with its variables' values in their place. The error says what is wrong, never a value.
pub(super) fn filled(value: &str, environment: &HashMap<String, String>) -> Result<SecretString, String> {
    let mut filled = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, behind) = after.split_once('}').ok_or("has a ${ that doesn't end")?;
        let secret = environment
            .get(variable)
            .ok_or_else(|| format!("names the variable {variable}, which is not set"))?;
        filled.push_str(before);
        filled.push_str(secret);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled.into())
}
