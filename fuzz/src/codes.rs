//! Codes and key ids as a person types them: what is wrong is said without repeating it.

use proto::keys::{Key, KeyId};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Key::from_code(&text) {
        Ok(key) => {
            let spaced = text.to_uppercase().split_whitespace().collect::<Vec<_>>().join(" - ");
            let again = Key::from_code(&spaced).expect("case and space do not count");
            assert_eq!(again.id(), key.id());
        }
        Err(error) => {
            let said = error.to_string();
            assert_eq!(super::repeated(&said, &text), None, "{said}");
        }
    }
    if let Some(id) = KeyId::parse(&text) {
        assert_eq!(id.to_string(), text.to_lowercase());
    }
    // The bytes of a key, as they are.
    if let Ok(random) = data.try_into() {
        let code = Key::code(&random);
        assert_eq!(Key::from_code(&code).expect("it is a code").id(), Key::from_random(&random).id());
    }
}
