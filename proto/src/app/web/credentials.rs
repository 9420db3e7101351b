//! The password that a request brings, by HTTP Basic (RFC 7617) or in a form's body.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

/// What `Authorization` has as password, whatever the user's name.
pub(super) fn basic(authorization: &str) -> Option<Zeroizing<String>> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(Base64::decode_vec(encoded.trim()).ok()?);
    let (_, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some(Zeroizing::new(password.to_owned()))
}

/// What a form has in the field of this name (application/x-www-form-urlencoded).
pub(super) fn form_field(body: &[u8], name: &str) -> Option<Zeroizing<String>> {
    let pairs = body.split(|&byte| byte == b'&');
    let value = pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).next()?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut at = value;
    while let [first, rest @ ..] = at {
        let (byte, rest) = match (first, rest) {
            (b'+', _) => (b' ', rest),
            (b'%', [high, low, rest @ ..]) => (digit(*high)? << 4 | digit(*low)?, rest),
            (b'%', _) => return None,
            (plain, _) => (*plain, rest),
        };
        bytes.push(byte);
        at = rest;
    }
    Some(Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned()))
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|value| value.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_stands_behind_the_first_colon() {
        let read = |text: &str| basic(text).map(|password| password.to_string());
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Some("open sesame".into()));
        assert_eq!(read("bASIC  Ong6w7w= "), Some("x:ü".into()));
        for wrong in ["", "Basic", "Basic ", "Basic !", "Basic QQ==", "Basic Ov8=", "Bearer QWxhZGRpbjpvcGVu"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let read = |body: &str| form_field(body.as_bytes(), "password").map(|password| password.to_string());
        assert_eq!(read("user=x&password=a+b%2Bc%3D%26+%c3%BC&x="), Some("a b+c=& ü".into()));
        assert_eq!(
            (read("password="), read("password=1&password=2")),
            (Some(String::new()), Some("1".into()))
        );
        for wrong in
            ["", "password", "xpassword=1", "password=%", "password=%2", "password=%+2", "password=%ff"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
