//! Texts that mean the same.

use unicode_normalization::UnicodeNormalization;

/// A name as it is compared: in Unicode's composed form (NFC), without space around it. What looks
/// the same on two systems is then the same.
pub(crate) fn normal(name: &str) -> String {
    name.trim().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn what_looks_the_same_is_the_same() {
        assert_eq!(normal(" Zo\u{65}\u{308}\t"), "Zo\u{eb}");
        assert_eq!(normal("Zo\u{eb}"), normal("Zo\u{65}\u{308}"));
        assert_ne!(normal("Zoe"), normal("Zo\u{eb}"));
    }
}
