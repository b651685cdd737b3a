//! Attempt tokens: derived from a secret of this installation and the attempt's id, so that none is ever stored, logged or
//! found in a journal.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use engine::ids::AttemptId;
use subtle::ConstantTimeEq;

/// The secret from which tokens are derived.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

impl TokenKey {
    /// Takes 32 secret bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the secret of an installation from `folder`, or makes it there, readable by its owner only.
    ///
    /// # Errors
    /// Where the folder can't be read or written, or the file is not a secret of ours.
    pub fn load_or_make(folder: &Path) -> io::Result<Self> {
        let path = folder.join("token.key");
        match fs::read(&path) {
            Ok(bytes) => {
                if fs::metadata(&path)?.permissions().mode() & 0o077 != 0 {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
                }
                let key = <[u8; 32]>::try_from(bytes).map_err(|_| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("{} is not 32 bytes long", path.display()))
                })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key: [u8; 32] = rand::random();
                let fresh = folder.join("token.key.new");
                let _ = fs::remove_file(&fresh);
                let mut file =
                    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
                file.write_all(&key)?;
                file.sync_all()?;
                fs::rename(&fresh, &path)?;
                fs::File::open(folder)?.sync_all()?;
                Ok(Self(key))
            }
            Err(error) => Err(error),
        }
    }

    /// The token of an attempt: 32 hexadecimal digits.
    #[must_use]
    pub fn token(&self, attempt: AttemptId) -> String {
        blake3::keyed_hash(&self.0, attempt.0.as_bytes()).to_hex()[..32].to_owned()
    }

    /// Whether a token is that of an attempt, in constant time.
    #[must_use]
    pub fn verify(&self, attempt: AttemptId, token: &str) -> bool {
        self.token(attempt).as_bytes().ct_eq(token.as_bytes()).into()
    }
}
