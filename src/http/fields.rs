//! The header fields of a request, whichever parser has read them. Knows no field by name.

use axum::http::{HeaderMap, HeaderName};

/// Fields by name. As text, a value that is not visible ASCII counts as absent.
pub trait Fields {
    /// The lines of a field as they came, in their order.
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// The lines of a field, in their order.
    fn lines<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
        self.values(name).filter_map(visible)
    }

    /// The first line of a field, without the space around it; `None` as well where that line cannot be read.
    fn text(&self, name: &HeaderName) -> Option<&str>;
}

impl Fields for HeaderMap {
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(|value| value.as_bytes())
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.get(name)?.to_str().ok().map(str::trim)
    }
}

/// Fields as they stand in a head.
pub struct Parsed<'a> {
    fields: &'a [httparse::Header<'a>],
    /// The lengths of their names, a bit each. Most names that are asked for are absent: mostly that is seen here.
    lengths: u64,
}

impl<'a> Parsed<'a> {
    pub fn new(fields: &'a [httparse::Header<'a>]) -> Self {
        Self { fields, lengths: fields.iter().fold(0, |lengths, field| lengths | length_bit(field.name)) }
    }

    /// Fields that may be of that name.
    fn likely(&self, name: &str) -> &[httparse::Header<'a>] {
        if self.lengths & length_bit(name) == 0 { &[] } else { self.fields }
    }
}

impl Fields for Parsed<'_> {
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let name = name.as_str();
        let named = self.likely(name).iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value)
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        let name = name.as_str();
        let named = self.likely(name).iter().find(|field| field.name.eq_ignore_ascii_case(name));
        visible(named?.value).map(str::trim)
    }
}

fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| *byte == b'\t' || (b' '..=b'~').contains(byte);
    // Not left at the first that is not: so many bytes are looked at together.
    let are_visible = value.iter().fold(true, |so_far, byte| so_far & is_visible(byte));
    are_visible.then(|| std::str::from_utf8(value).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-it");

    #[test]
    fn both_parsers_show_the_same_fields() {
        let given: [(&str, &[u8]); 4] =
            [("X-It", b" one "), ("other", b"x"), ("x-iT", b"tw\xc3\xb6"), ("x-it", b"three\tand more")];
        let parsed = given.map(|(name, value)| httparse::Header { name, value });
        let mut map = HeaderMap::new();
        for (name, value) in given {
            map.append(name.parse::<HeaderName>().unwrap(), axum::http::HeaderValue::from_bytes(value).unwrap());
        }
        let (all, other, unreadable) = (Parsed::new(&parsed), Parsed::new(&parsed[1..2]), Parsed::new(&parsed[2..]));
        let name = NAME;
        let lines: Vec<&str> = map.lines(&name).collect();
        assert_eq!(lines, [" one ", "three\tand more"]);
        assert_eq!(lines, all.lines(&name).collect::<Vec<_>>());
        assert_eq!((map.text(&NAME), all.text(&NAME)), (Some("one"), Some("one")));
        assert_eq!((map.text(&HeaderName::from_static("x-no")), other.text(&NAME)), (None, None));
        assert_eq!(all.text(&HeaderName::from_static("x-no")), None, "a name as long as one that is there");
        assert_eq!(unreadable.text(&NAME), None, "a first line that cannot be read");
    }
}
