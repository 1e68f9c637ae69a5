//! Checkpoints: the state of a follower at an index, as its observers show it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::LiveError;

/// A longer text is replaced by its hash, or cut.
const TEXT_LENGTH_MAX: usize = 4_096;

/// The beginning of a text that is a hash.
const HASH: &str = "sha256:";

/// A follower's checkpoint at an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Checkpoint {
    /// The program has applied all entries up to the index.
    Applied {
        /// The observers' answers, in their order. Bytes that are not printable ASCII are escaped. A
        /// text longer than 4,096 bytes is replaced by the answer's SHA-256 and length,
        /// `sha256:HEX (N bytes)`, if there is a digest.
        answers: Vec<String>,
        /// The SHA-256, in hexadecimal, of the answers to the entries since the checkpoint before,
        /// each followed by LF; only if the log's settings ask for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// The program has failed at the entry of the index, after all those before.
    Failed {
        /// How it has failed.
        failure: String,
    },
}

impl Checkpoint {
    /// Returns the checkpoint with the observers' answers.
    #[must_use]
    pub fn of_answers<'a>(
        answers: impl IntoIterator<Item = &'a [u8]>,
        digest: Option<String>,
    ) -> Self {
        // Without a digest two answers can be the same although their bytes, and so hashes, are not.
        let text = if digest.is_some() { text_of_answer } else { escaped };
        Self::Applied { answers: answers.into_iter().map(text).collect(), digest }
    }

    /// Returns the checkpoint of a program that has failed.
    #[must_use]
    pub fn of_failure(failure: &str) -> Self {
        let ends = failure.char_indices().map(|(start, char)| start + char.len_utf8());
        let end = ends.take_while(|end| *end <= TEXT_LENGTH_MAX).last();
        Self::Failed { failure: failure[..end.unwrap_or_default()].into() }
    }

    /// Returns the answer that a text of a checkpoint stands for, or `None` if only its hash is known.
    #[must_use]
    pub fn answer(text: &str) -> Option<Vec<u8>> {
        if text.starts_with(HASH) {
            return None;
        }
        let (mut answer, mut rest) = (Vec::new(), text.bytes());
        while let Some(byte) = rest.next() {
            answer.push(match byte {
                b'\\' => match rest.next()? {
                    b'x' => {
                        let digits = [rest.next()?, rest.next()?];
                        u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                    }
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    escaped => escaped,
                },
                byte => byte,
            });
        }
        Some(answer)
    }

    /// Reads a checkpoint from the value of its key.
    ///
    /// # Errors
    ///
    /// `key` does not hold a checkpoint.
    pub(crate) fn parse(log: &str, key: &str, value: &[u8]) -> Result<Self, LiveError> {
        serde_json::from_slice(value).map_err(|error| {
            let reason = if error.is_data() {
                "it is neither an object with `answers` nor one with `failure`".into()
            } else {
                error.to_string()
            };
            LiveError::Log {
                log: log.into(),
                reason: format!("the key {key} does not hold a checkpoint: {reason}"),
            }
        })
    }

    /// Returns the value of its key.
    ///
    /// # Panics
    ///
    /// Never: text is JSON.
    pub(crate) fn to_value(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text is JSON")
    }
}

fn escaped(answer: &[u8]) -> String {
    answer.escape_ascii().to_string()
}

fn text_of_answer(answer: &[u8]) -> String {
    let text = escaped(answer);
    if text.len() <= TEXT_LENGTH_MAX {
        return text;
    }
    format!("{HASH}{} ({} bytes)", hex::encode(Sha256::digest(answer)), answer.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Checkpoint, LiveError> {
        Checkpoint::parse("a", "a/checkpoint/1/b", text.as_bytes())
    }

    #[test]
    fn a_checkpoint_is_read_back() {
        let answers: [&[u8]; 2] = [b"ok 1", b"\xff\n\\"];
        let plain = Checkpoint::of_answers(answers, None);
        assert_eq!(plain.to_value(), br#"{"answers":["ok 1","\\xff\\n\\\\"]}"#);
        let with_digest = Checkpoint::of_answers(answers, Some("00".into()));
        for checkpoint in [plain, with_digest, Checkpoint::of_failure("ended")] {
            let text = String::from_utf8(checkpoint.to_value()).expect("JSON is UTF-8");
            assert_eq!(parse(&text).expect("its own text"), checkpoint);
        }
    }

    #[test]
    fn a_long_answer_is_hashed() {
        let longest = vec![b'a'; TEXT_LENGTH_MAX];
        assert_eq!(text_of_answer(&longest).as_bytes(), longest);
        let hash = "sha256:";
        // Its text is four times as long.
        assert!(text_of_answer(&[0xff; 1_025]).starts_with(hash));
        let text = text_of_answer(&[b'a'; TEXT_LENGTH_MAX + 1]);
        assert!(text.starts_with(hash) && text.ends_with(" (4097 bytes)"), "{text}");
        let long = [b'a'; TEXT_LENGTH_MAX + 1];
        let whole = Checkpoint::of_answers([&long[..]], None).to_value();
        assert!(whole.len() > TEXT_LENGTH_MAX, "without a digest it is compared by a rule");
        let hashed = Checkpoint::of_answers([&long[..]], Some("00".into())).to_value();
        assert!(hashed.len() < 200);
        let failure = "ä".repeat(TEXT_LENGTH_MAX);
        let Checkpoint::Failed { failure } = Checkpoint::of_failure(&failure) else { panic!() };
        assert_eq!(failure.len(), TEXT_LENGTH_MAX);
    }

    #[test]
    fn an_answer_is_read_from_its_text() {
        let all: Vec<u8> = (0..=255).collect();
        for answer in [&all[..], b"", b"ok \"a\\n\"", b"\n\r\t'"] {
            assert_eq!(Checkpoint::answer(&text_of_answer(answer)), Some(answer.to_vec()));
        }
        assert_eq!(Checkpoint::answer(&text_of_answer(&[b'a'; 5_000])), None);
        for text in ["\\", "\\x", "\\x1", "\\xzz"] {
            assert_eq!(Checkpoint::answer(text), None, "{text}");
        }
    }

    #[test]
    fn another_value_is_an_error_with_its_key() {
        for text in ["", "{}", r#"{"answers":[],"more":1}"#, r#"{"answers":[1]}"#, "[]"] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains("a/checkpoint/1/b does not hold a checkpoint"), "{error}");
            assert!(!error.contains("enum"), "{error}");
        }
    }
}
