//! Names in commands that people are told to type.

use std::path::Path;

/// A path as one word of a shell's command line.
#[must_use]
pub fn word(path: &Path) -> String {
    let Some(text) = path.to_str() else {
        return bytewise(path);
    };
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    // What begins with a dash would be an option.
    let lead = if text.starts_with('-') { "./" } else { "" };
    match !text.is_empty() && text.chars().all(plain) {
        true => format!("{lead}{text}"),
        false => format!("'{lead}{}'", text.replace('\'', "'\\''")),
    }
}

/// Of bytes that are no text: as bash and zsh take them.
fn bytewise(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let shown = bytes.iter().map(|&byte| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    format!("$'{}'", shown.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::word;
    use std::path::Path;

    #[test]
    fn a_path_is_one_word() {
        for (path, expected) in [
            ("run", "run"),
            ("/tmp/Läufe/a-1.b", "/tmp/Läufe/a-1.b"),
            ("my run", "'my run'"),
            ("it's", "'it'\\''s'"),
            ("-x", "./-x"),
            ("-x y", "'./-x y'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(word(Path::new(path)), expected);
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let odd = std::ffi::OsStr::from_bytes(b"n\xff'");
            assert_eq!(word(Path::new(odd)), "$'n\\xff\\''");
        }
    }
}
