//! WebSocket frames (RFC 6455 §5.2) as a client needs them: it writes short texts and reads whole frames.

/// A frame that the server sent, whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Text in one frame; Landfall never splits its messages.
    Text(&'a [u8]),
    /// To be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// The end, with its code if there is one.
    Close(Option<u16>),
    /// Anything else.
    Other,
}

/// The first frame in `bytes` and its length; `None` as long as it is not whole.
pub(super) fn parse(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (start, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let end = start + length;
    let payload = bytes.get(start..end)?;
    let frame = match first {
        0x81 => Frame::Text(payload),
        0x89 => Frame::Ping(payload),
        0x88 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        _ => Frame::Other,
    };
    Some((frame, end))
}

/// A text as a client sends it.
pub(super) fn text(payload: &[u8]) -> Vec<u8> {
    build(0x81, payload)
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    build(0x8a, payload)
}

/// Masked with zeros, which changes nothing: the mask protects proxies, and there is none.
fn build(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length => {
            // 64 KiB and more would need another form; the server takes 16 KiB at the most.
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_one_by_one_and_only_when_whole() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x88, 2];
        assert_eq!(parse(&bytes), Some((Frame::Text(b"hi"), 4)));
        assert_eq!(parse(&bytes[4..]), None);
        bytes.extend_from_slice(&4501u16.to_be_bytes());
        assert_eq!(parse(&bytes[4..]), Some((Frame::Close(Some(4501)), 4)));
    }

    #[test]
    fn long_texts_have_two_bytes_of_length() {
        let mut long = vec![0x81, 126, 1, 0];
        long.resize(4 + 256, b'x');
        assert_eq!(parse(&long), Some((Frame::Text(&[b'x'; 256]), 260)));
        assert_eq!(text(&[b'x'; 256])[..4], [0x81, 0xfe, 1, 0]);
        assert_eq!(text(b"hi"), [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }
}
