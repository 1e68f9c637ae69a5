//! The port protocol over a pair of streams (definition, section 8).

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use crate::protocol::LINE_LENGTH_MAX;
use crate::session::Session;

/// The number of bytes that are read, or gathered to be written, at once.
const BUFFER_SIZE: usize = 1 << 16;

/// The stream that failed while [`serve`] ran, and why.
#[derive(Debug)]
pub enum ServeError {
    /// The input could not be read.
    Input(io::Error),
    /// The output could not be written, for example because its reader is gone.
    Output(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => write!(f, "standard input: {error}"),
            Self::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Runs the lines of `input` on a new session, and writes the answers to `output`, until `quit` or
/// the end of the input.
///
/// Answers are written and flushed before it waits for more input. It holds at most
/// [`LINE_LENGTH_MAX`] bytes of a line and one buffer.
///
/// ```
/// let mut output = Vec::new();
/// dkv20::serve(&b"new 3\nput a v\n"[..], &mut output)?;
/// assert_eq!(output, b"ok\nok committed index=1 term=1\n");
/// # Ok::<(), dkv20::ServeError>(())
/// ```
///
/// # Errors
///
/// The first error of a stream. The answers to all lines before an input error have been written.
pub fn serve(input: impl Read, output: impl Write) -> Result<(), ServeError> {
    let mut lines = Lines { input: BufReader::with_capacity(BUFFER_SIZE, input), line: Vec::new() };
    let mut answers = Answers { output, pending: String::new() };
    let mut session = Session::new();
    while !session.has_quit() {
        if !lines.has_whole_line() {
            answers.flush().map_err(ServeError::Output)?;
        }
        let Some(line) = lines.next_line().map_err(ServeError::Input)? else {
            break;
        };
        if session.run_line(line, &mut answers.pending) {
            answers.end_line().map_err(ServeError::Output)?;
        }
    }
    answers.flush().map_err(ServeError::Output)
}

/// The lines of the input.
struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// Reports whether the next line can be read without waiting for input.
    fn has_whole_line(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }

    /// Returns the next line without its LF, or `None` at the end of the input. A line that is too
    /// long is cut one byte after the limit, and its rest is skipped.
    fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        let limit = LINE_LENGTH_MAX as u64 + 1;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > LINE_LENGTH_MAX {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(&self.line))
    }
}

/// The answers, gathered so that many are written at once.
struct Answers<W> {
    output: W,
    pending: String,
}

impl<W: Write> Answers<W> {
    fn end_line(&mut self) -> io::Result<()> {
        self.pending.push('\n');
        if self.pending.len() >= BUFFER_SIZE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.write_all(self.pending.as_bytes())?;
        self.pending.clear();
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    /// A client's streams. They hand out chunks one by one, and record the flushed answers before
    /// each read.
    #[derive(Default)]
    struct Client {
        chunks: RefCell<VecDeque<Vec<u8>>>,
        written: RefCell<Vec<u8>>,
        flushed: RefCell<Vec<u8>>,
        before_reads: RefCell<Vec<String>>,
    }

    impl Read for &Client {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let flushed = String::from_utf8(self.flushed.borrow().clone()).unwrap();
            self.before_reads.borrow_mut().push(flushed);
            let Some(mut chunk) = self.chunks.borrow_mut().pop_front() else { return Ok(0) };
            let length = chunk.len().min(buffer.len());
            buffer[..length].copy_from_slice(&chunk[..length]);
            if length < chunk.len() {
                self.chunks.borrow_mut().push_front(chunk.split_off(length));
            }
            Ok(length)
        }
    }

    impl Write for &Client {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.written.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushed.borrow_mut().clone_from(&self.written.borrow());
            Ok(())
        }
    }

    /// Returns the flushed answers before each read, and at the end.
    fn served(chunks: &[&str]) -> Vec<String> {
        let client = Client::default();
        client.chunks.borrow_mut().extend(chunks.iter().map(|chunk| chunk.as_bytes().to_vec()));
        serve(&client, &client).unwrap();
        let mut all = client.before_reads.take();
        all.push(String::from_utf8(client.flushed.take()).unwrap());
        all
    }

    #[test]
    fn answers_are_flushed_before_a_read() {
        let chunks = ["mix 0\nmix", " 0\nm", "ix 0", "\n", "# c\n", "mix 0"];
        let before = [0, 1, 2, 2, 3, 3, 3, 4, 4].map(|count| "ok 0\n".repeat(count));
        assert_eq!(served(&chunks), before);
    }

    #[test]
    fn nothing_is_read_after_quit() {
        assert_eq!(served(&["mix 0\nquit\nmix 0\n", "mix 0\n"]), ["", "ok 0\nok\n"]);
    }

    #[test]
    fn answers_are_written_in_blocks() {
        struct Counter(usize);
        impl Write for Counter {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut counter = Counter(0);
        serve("mix 0\n".repeat(10_000).as_bytes(), &mut counter).unwrap();
        assert!(counter.0 < 10, "{} writes", counter.0);
    }

    #[test]
    fn answers_do_not_depend_on_chunks() {
        let input =
            "new 3\n\n# c\nput a b\nnonsense\nat 0 put \u{e4} 0x0\n  get 1 a  \nmix 0\r\nlog 0";
        let whole = served(&[input]).pop().unwrap();
        assert_eq!(whole.lines().count(), 7);
        for size in [1, 2, 7] {
            let client = Client::default();
            client.chunks.borrow_mut().extend(input.as_bytes().chunks(size).map(<[u8]>::to_vec));
            serve(&client, &client).unwrap();
            assert_eq!(
                String::from_utf8(client.flushed.take()).unwrap(),
                whole,
                "chunks of {size}"
            );
        }
    }

    #[test]
    fn overlong_line_is_skipped() {
        for more in [1, 2, BUFFER_SIZE] {
            let line = "x".repeat(LINE_LENGTH_MAX + more);
            let all = served(&["mix 0\n", &line, "\nmix 0\n"]);
            assert_eq!(all.last().unwrap(), "ok 0\nerr line-length\nok 0\n");
        }
        let line = " ".repeat(LINE_LENGTH_MAX - 5) + "mix 0";
        assert_eq!(served(&[&line, "\nmix 0"]).last().unwrap(), "ok 0\nok 0\n");
    }

    /// A stream that fails after `left` calls.
    struct Failing<T> {
        left: usize,
        inner: T,
    }

    impl<T> Failing<T> {
        fn call(&mut self) -> io::Result<&mut T> {
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(&mut self.inner)
        }
    }

    impl<T: Read> Read for Failing<T> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.call()?.read(buffer)
        }
    }

    impl<T: Write> Write for Failing<T> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.call()?.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.inner.flush()
        }
    }

    #[test]
    fn failing_write_is_an_output_error() {
        let output = Failing { left: 0, inner: Vec::new() };
        let error = serve(b"mix 0\n".as_slice(), output).unwrap_err();
        assert!(matches!(error, ServeError::Output(_)), "{error}");
        assert!(error.to_string().starts_with("standard output: "));
    }

    #[test]
    fn failing_flush_is_an_output_error() {
        struct Unflushable;
        impl Write for Unflushable {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let error = serve(b"mix 0\n".as_slice(), Unflushable).unwrap_err();
        assert!(matches!(error, ServeError::Output(_)), "{error}");
    }

    #[test]
    fn failing_read_is_an_input_error_after_the_answers() {
        let mut output = Vec::new();
        let input = Failing { left: 1, inner: b"mix 0\nmix 0\nmi".as_slice() };
        let error = serve(input, &mut output).unwrap_err();
        assert!(matches!(error, ServeError::Input(_)), "{error}");
        assert!(error.to_string().starts_with("standard input: "));
        assert_eq!(output, b"ok 0\nok 0\n");
    }
}
