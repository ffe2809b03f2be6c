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

impl Fields for [httparse::Header<'_>] {
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let named = self.iter().filter(|field| field.name.eq_ignore_ascii_case(name.as_str()));
        named.map(|field| field.value)
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        let named = self.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_str()));
        visible(named?.value).map(str::trim)
    }
}

fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| *byte == b'\t' || (b' '..=b'~').contains(byte);
    value.iter().all(is_visible).then(|| std::str::from_utf8(value).ok())?
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
        let name = NAME;
        let lines: Vec<&str> = map.lines(&name).collect();
        assert_eq!(lines, [" one ", "three\tand more"]);
        assert_eq!(lines, parsed[..].lines(&name).collect::<Vec<_>>());
        assert_eq!((map.text(&NAME), parsed[..].text(&NAME)), (Some("one"), Some("one")));
        assert_eq!((map.text(&HeaderName::from_static("x-no")), parsed[1..2].text(&NAME)), (None, None));
        assert_eq!(parsed[2..].text(&NAME), None, "a first line that cannot be read");
    }
}
