//! `services.toml`: what is wrong has a place in it, and secrets are shown neither by it nor by what is wrong.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use orchestrator::config::read;

/// In the environment; found in nothing that is printed.
const TOKEN: &str = "fuzz-token-0123456789abcdef";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fuzz_target!(|text: &str| {
    let env = |name: &str| match name {
        "SEGUE_TOKEN" => Some(TOKEN.to_owned()),
        "SEGUE_SIGNING_SECRET" => Some(SECRET.to_owned()),
        _ => None,
    };
    let printed = match read(text, Path::new("/srv"), &env) {
        Ok(config) => {
            assert!(
                config
                    .services
                    .values()
                    .all(|service| !service.urls.is_empty() && service.limits.capacity > 0)
            );
            assert!(!config.orchestrator.public_url.ends_with('/'));
            let again = read(text, Path::new("/srv"), &env).expect("it was read before");
            assert_eq!(format!("{again:?}"), format!("{config:?}"));
            format!("{config:?}")
        }
        Err(error) => {
            assert!(!error.message.is_empty() && !error.message.contains('\n'), "{error:?}");
            fuzz::assert_placed(text.as_bytes(), error.line, error.column);
            error.to_string()
        }
    };
    let in_text = |secret: &str| text.contains(secret);
    assert!(in_text(TOKEN) || !printed.contains(TOKEN), "{printed}");
    assert!(in_text(SECRET) || !printed.contains(SECRET), "{printed}");
});
