//! YAML that people write, of which every field is known: unknown ones and values that cannot be are refused
//! with their line. Bounded by its length.

use serde::de::DeserializeOwned;

/// Reads a text of at most so many bytes; an empty one has every default.
///
/// # Errors
/// One line that names line, field, value and remedy.
pub(crate) fn read<T: DeserializeOwned + Default>(text: &str, most: usize) -> Result<T, String> {
    if text.len() > most {
        return Err(format!("is larger than {} MiB; write less", most >> 20));
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    let read: Option<T> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        let message = message.split(" at line ").next().unwrap_or(&message);
        let line = error.location().map_or(1, |location| location.line());
        format!("line {line}: {}", message.replace(char::is_control, " "))
    })?;
    Ok(read.unwrap_or_default())
}
