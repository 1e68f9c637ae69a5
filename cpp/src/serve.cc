#include "dkv20/serve.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "dkv20/error.h"
#include "dkv20/limits.h"
#include "dkv20/session.h"
#include "protocol.h"

namespace dkv20 {
namespace {

// Splits the input into lines.
class LineReader {
 public:
  enum class Next : std::uint8_t { kLine, kOverlongLine, kNeedsInput, kEnd };

  // Takes the next line, without LF, from the input that has been read. It is valid until the
  // next call of Take or Fill.
  Next Take(std::string_view& line) noexcept;
  // Reads more input. Returns false if that failed.
  bool Fill(ByteSource& source) noexcept;

 private:
  static constexpr std::size_t kReadSize = 262144;

  Next EndLine(Next otherwise) noexcept {
    return std::exchange(overlong_, false) ? Next::kOverlongLine : otherwise;
  }

  std::vector<char> buffer_;
  // Input that has been read and not taken is from begin_ to end_. It has no LF before scanned_.
  std::size_t begin_ = 0;
  std::size_t scanned_ = 0;
  std::size_t end_ = 0;
  // The current line is too long, and the bytes of it that were read have been dropped.
  bool overlong_ = false;
  bool at_end_ = false;
};

LineReader::Next LineReader::Take(std::string_view& line) noexcept {
  const void* lf =
      scanned_ == end_ ? nullptr : std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
  if (lf != nullptr) {
    const auto lf_at = static_cast<std::size_t>(static_cast<const char*>(lf) - buffer_.data());
    line = {buffer_.data() + begin_, lf_at - begin_};
    begin_ = scanned_ = lf_at + 1;
    return EndLine(Next::kLine);
  }
  scanned_ = end_;
  if (overlong_ || end_ - begin_ > kLineLengthMax) {
    overlong_ = true;
    begin_ = scanned_ = end_ = 0;
  }
  if (!at_end_) return Next::kNeedsInput;
  if (begin_ == end_) return EndLine(Next::kEnd);
  line = {buffer_.data() + begin_, end_ - begin_};
  begin_ = end_;
  return Next::kLine;
}

bool LineReader::Fill(ByteSource& source) noexcept {
  if (begin_ > 0) {
    std::copy(buffer_.data() + begin_, buffer_.data() + end_, buffer_.data());
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + kReadSize) buffer_.resize(2 * end_ + kReadSize);
  const std::optional<std::size_t> count = source.Read(std::span(buffer_).subspan(end_, kReadSize));
  if (!count) return false;
  at_end_ = *count == 0;
  end_ += *count;
  return true;
}

// Collects answers, so that many are written at once.
class AnswerWriter {
 public:
  explicit AnswerWriter(ByteSink& sink) noexcept : sink_(sink) {}

  // The next answer is to be appended here.
  [[nodiscard]] std::string& answers() noexcept { return answers_; }

  // Ends the answer. Returns false if writing failed.
  [[nodiscard]] bool EndAnswer() noexcept {
    answers_ += '\n';
    return answers_.size() < kWrittenAtOnce || Flush();
  }
  // Writes the answers that have been collected. Returns false if that failed.
  [[nodiscard]] bool Flush() noexcept {
    const bool good = answers_.empty() || sink_.Write(answers_);
    answers_.clear();
    return good;
  }

 private:
  static constexpr std::size_t kWrittenAtOnce = 65536;

  ByteSink& sink_;
  std::string answers_;
};

}  // namespace

ServeEnd Serve(ByteSource& source, ByteSink& sink) noexcept {
  using Next = LineReader::Next;
  Session session;
  LineReader reader;
  AnswerWriter writer(sink);
  std::string_view line;
  while (!session.has_quit()) {
    const Next next = reader.Take(line);
    if (next == Next::kEnd) break;
    if (next == Next::kNeedsInput) {
      // The caller may wait for these answers before it sends more.
      if (!writer.Flush()) return ServeEnd::kOutputFailed;
      if (!reader.Fill(source)) return ServeEnd::kInputFailed;
      continue;
    }
    bool has_answer = true;
    if (next == Next::kOverlongLine) {
      AppendError(ErrorCode::kLineLength, writer.answers());
    } else {
      has_answer = session.RunLine(line, writer.answers());
    }
    if (has_answer && !writer.EndAnswer()) return ServeEnd::kOutputFailed;
  }
  return writer.Flush() ? ServeEnd::kDone : ServeEnd::kOutputFailed;
}

}  // namespace dkv20
