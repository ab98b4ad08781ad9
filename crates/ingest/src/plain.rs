//! Names of columns as lines have them when nothing is escaped, compared a word at a time.

/// How many bytes are compared at once.
const WORD: usize = size_of::<u128>();

/// A name and the equals sign after it.
#[derive(Debug)]
pub(crate) struct PlainName {
    text: Box<[u8]>,
    /// The first word, and ones where it has bytes of the name.
    first: u128,
    mask: u128,
    /// The last word, if there is more than one; they may overlap.
    last: u128,
}

impl PlainName {
    /// `None` for a name that needs an escape, or that the grammar reads in more than one way.
    pub(crate) fn new(name: &str) -> Option<Self> {
        if name.bytes().any(is_special) {
            return None;
        }
        let text = format!("{name}=").into_bytes();
        let in_first = text.len().min(WORD);
        Some(Self {
            first: word(&text[..in_first]),
            mask: u128::MAX >> (8 * (WORD - in_first)),
            last: word(&text[text.len() - in_first..]),
            text: text.into(),
        })
    }

    /// What comes after name and equals sign, if `text` starts with them.
    #[inline]
    pub(crate) fn strip<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        if (word(text) ^ self.first) & self.mask != 0 {
            return None;
        }
        let (name, rest) = text.split_at_checked(self.text.len())?;
        let is_whole = name.len() <= WORD || self.ends(name);
        is_whole.then_some(rest)
    }

    /// Whether the bytes after the first word are those of the name.
    #[inline]
    fn ends(&self, name: &[u8]) -> bool {
        let Some((before, last)) = name.split_last_chunk() else {
            return false;
        };
        u128::from_le_bytes(*last) == self.last
            && (before.len() <= WORD || before[WORD..] == self.text[WORD..before.len()])
    }
}

/// Bytes that end a name, escape what follows or separate fields.
pub(crate) fn is_special(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b',' | b'=' | b'\\')
}

/// The first bytes, zeros after the last.
#[inline]
fn word(text: &[u8]) -> u128 {
    match text.first_chunk() {
        Some(bytes) => u128::from_le_bytes(*bytes),
        None => short_word(text),
    }
}

#[cold]
fn short_word(text: &[u8]) -> u128 {
    let mut bytes = [0; WORD];
    bytes[..text.len()].copy_from_slice(text);
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whole_and_at_the_start_only() {
        let check = |name: &str, text: &str, rest: Option<&str>| {
            let name = PlainName::new(name).expect("a plain name");
            assert_eq!(
                name.strip(text.as_bytes()),
                rest.map(str::as_bytes),
                "{text}"
            );
        };
        check("v", "v=1", Some("1"));
        check("v", "v=", Some(""));
        check("v", "v", None);
        check("v", "", None);
        check("v", "w=1", None);
        check("v", "vw=1", None);
        check("vw", "v=1", None);
        check("fifteen_bytes__", "fifteen_bytes__=1", Some("1"));
        check("fifteen_bytes__", "fifteen_bytes__", None);
        check("sixteen_bytes___", "sixteen_bytes___=1", Some("1"));
        check("sixteen_bytes___", "sixteen_bytes___", None);
        check("sixteen_bytes___", "sixteen_bytes___x=1", None);
        let long = "a_name_of_more_than_two_words_of_sixteen_bytes";
        check(long, &format!("{long}=1,b=2"), Some("1,b=2"));
        check(long, long, None);
        check(long, &format!("{}=1", long.replace("two", "too")), None);
        let two = "a_name_of_two_words_and_so__";
        check(two, &format!("{two}=1"), Some("1"));
        check(two, &format!("{two}x=1"), None);
        check(two, &format!("{}=1", two.replace("so", "to")), None);
        check(long, &format!("{}=1", &long[..long.len() - 1]), None);
        check("grün", "grün=1", Some("1"));
    }

    #[test]
    fn names_that_need_an_escape_are_not_plain() {
        for name in ["a b", "a=b", "a,b", "a\\b", "a\tb"] {
            assert!(PlainName::new(name).is_none(), "{name}");
        }
    }
}
