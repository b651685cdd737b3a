//! Attempt tokens: derived from a secret of this installation and the ids of job and attempt, so that none is ever stored,
//! logged or found in a journal. A token says whose it is: a callback needs nothing else to find its attempt.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engine::ids::{AttemptId, JobId};
use journal::shelf::Shelf;
use subtle::ConstantTimeEq;
use uuid::Uuid;

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

    /// A key of its own for another use.
    #[must_use]
    pub fn key_for(&self, use_of: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, use_of.as_bytes()).as_bytes()
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
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{} is not 32 bytes long", path.display()),
                    )
                })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key: [u8; 32] = rand::random();
                keep(folder, &key)?;
                Ok(Self(key))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the secret that orchestrators share from their shelf, or puts one there: that of this installation where `folder` has
    /// one already, so that tokens given out before stay good, else a new one.
    ///
    /// # Errors
    /// The shelf's, and where what lies there is not a secret of ours.
    pub async fn shared(shelf: &dyn Shelf, folder: &Path) -> io::Result<Self> {
        let own = match fs::read(folder.join("token.key")) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let first = own.clone().unwrap_or_else(|| rand::random::<[u8; 32]>().to_vec());
        let key =
            shelf.put_if_absent("token-key".to_owned(), first.into()).await.map_err(io::Error::other)?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the shared secret is not 32 bytes long");
        let key = <[u8; 32]>::try_from(key.as_ref()).map_err(|_| wrong())?;
        if own.is_none() {
            // For the day on which the journal is copied back into a folder.
            keep(folder, &key)?;
        }
        Ok(Self(key))
    }

    /// The token of an attempt: says whose it is, and proves it. 64 characters.
    #[must_use]
    pub fn token(&self, job: JobId, attempt: AttemptId) -> String {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(job.0.as_bytes());
        bytes[16..32].copy_from_slice(attempt.0.as_bytes());
        let proof = self.proof(&bytes[..32]);
        bytes[32..].copy_from_slice(&proof);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whose a token is; none where it is not one of ours. Compares in constant time.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<(JobId, AttemptId)> {
        let bytes: [u8; 48] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let genuine: bool = self.proof(&bytes[..32]).ct_eq(&bytes[32..]).into();
        let id = |from: usize| Uuid::from_slice(&bytes[from..from + 16]).ok();
        genuine.then_some((JobId(id(0)?), AttemptId(id(16)?)))
    }

    fn proof(&self, of: &[u8]) -> [u8; 16] {
        let mut half = [0; 16];
        half.copy_from_slice(&blake3::keyed_hash(&self.0, of).as_bytes()[..16]);
        half
    }
}

/// Writes a secret into a folder, readable by its owner only.
fn keep(folder: &Path, key: &[u8; 32]) -> io::Result<()> {
    let fresh = folder.join("token.key.new");
    // What a crash left.
    let _ = fs::remove_file(&fresh);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join("token.key"))?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use journal::shelf::MemoryShelf;

    use super::*;

    #[tokio::test]
    async fn all_who_share_a_shelf_have_one_secret_and_the_first_brings_his() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = TokenKey::load_or_make(one.path()).unwrap();
        let shelf = MemoryShelf::default();
        let first = TokenKey::shared(&shelf, one.path()).await.unwrap();
        let second = TokenKey::shared(&shelf, two.path()).await.unwrap();
        assert_eq!((first.0, second.0), (own.0, own.0));
        assert_eq!(TokenKey::load_or_make(two.path()).unwrap().0, own.0, "it is there without the shelf");
    }

    #[test]
    fn a_token_says_whose_it_is_and_can_not_be_forged() {
        let key = TokenKey::new([7; 32]);
        let (job, attempt) = (JobId(Uuid::from_u128(1)), AttemptId(Uuid::from_u128(2)));
        let token = key.token(job, attempt);
        assert_eq!((token.len(), key.open(&token)), (64, Some((job, attempt))));
        assert_eq!(TokenKey::new([8; 32]).open(&token), None);
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(key.open(&forged), None, "{forged}");
        }
    }
}
