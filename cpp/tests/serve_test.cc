#include "dkv20/serve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/limits.h"

namespace dkv20 {
namespace {

// Returns its pieces one by one and records what had been written before each read.
class Pieces final : public ByteSource {
 public:
  Pieces(std::vector<std::string> pieces, const std::string& written)
      : pieces_(std::move(pieces)), written_(written) {}

  std::optional<std::size_t> Read(std::span<char> room) noexcept override {
    seen_.push_back(written_);
    if (next_ == pieces_.size()) return fail_ ? std::nullopt : std::optional<std::size_t>(0);
    std::string& piece = pieces_[next_];
    const std::size_t count = std::min(piece.size(), room.size());
    std::copy_n(piece.data(), count, room.data());
    piece.erase(0, count);
    if (piece.empty()) ++next_;
    return count;
  }
  void FailAtTheEnd() { fail_ = true; }
  [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }

 private:
  std::vector<std::string> pieces_;
  const std::string& written_;
  std::vector<std::string> seen_;
  std::size_t next_ = 0;
  bool fail_ = false;
};

class Written final : public ByteSink {
 public:
  bool Write(std::string_view bytes) noexcept override {
    text += bytes;
    return good;
  }
  std::string text;
  bool good = true;
};

std::string Served(std::vector<std::string> pieces) {
  Written sink;
  Pieces source(std::move(pieces), sink.text);
  EXPECT_EQ(Serve(source, sink), ServeEnd::kDone);
  return sink.text;
}

TEST(Serve, InputInPieces) {
  const std::string input = "hello\n\n# comment\n  \nnew 1\nput a b\nget 0 a\nnonsense\nmix 0";
  const std::string output =
      "ok dkv20 1 cpp\nok\nok committed index=1 term=1\nok 0x62\nerr unknown-command\nok 0\n";
  EXPECT_EQ(Served({input}), output);
  EXPECT_EQ(Served({input + "\n"}), output);
  std::vector<std::string> bytes;
  for (const char byte : input) bytes.emplace_back(1, byte);
  EXPECT_EQ(Served(bytes), output);
  EXPECT_EQ(Served({}), "");
}

TEST(Serve, FlushesBeforeReading) {
  Written sink;
  Pieces source({"mix 0\nmi", "x 0\nmix 0\n", "mix", " 0"}, sink.text);
  EXPECT_EQ(Serve(source, sink), ServeEnd::kDone);
  EXPECT_EQ(source.seen(), (std::vector<std::string>{"", "ok 0\n", "ok 0\nok 0\nok 0\n",
                                                     "ok 0\nok 0\nok 0\n", "ok 0\nok 0\nok 0\n"}));
  EXPECT_EQ(sink.text, "ok 0\nok 0\nok 0\nok 0\n");
}

// The answers to lines that were read at once are not all collected before they are written.
TEST(Serve, WritesLongOutputInParts) {
  std::string lines;
  for (int i = 0; i < 4000; ++i) lines += "mix 1\n";
  Written sink;
  sink.good = false;
  Pieces source({lines}, sink.text);
  EXPECT_EQ(Serve(source, sink), ServeEnd::kOutputFailed);
  EXPECT_GE(sink.text.size(), 65536U);
  EXPECT_LT(sink.text.size(), 65536U + 100U);
  EXPECT_EQ(source.seen().size(), 1U);
}

TEST(Serve, Quit) {
  EXPECT_EQ(Served({"mix 0\nquit\nmix 0\n"}), "ok 0\nok\n");
  EXPECT_EQ(Served({"quit"}), "ok\n");
  EXPECT_EQ(Served({"quit x\nmix 0\n"}), "err syntax\nok 0\n");
}

TEST(Serve, OverlongLines) {
  const std::string limit = "# " + std::string(kLineLengthMax - 2, 'x');
  EXPECT_EQ(Served({limit + "\nmix 0\n"}), "ok 0\n");
  EXPECT_EQ(Served({limit}), "");
  EXPECT_EQ(Served({limit + "x\nmix 0\n"}), "err line-length\nok 0\n");
  EXPECT_EQ(Served({limit + "x"}), "err line-length\n");
  EXPECT_EQ(Served({limit, "x", "\n", "mix 0\n"}), "err line-length\nok 0\n");
  EXPECT_EQ(Served({limit + limit + limit + "\nmix 0\n", limit + limit}),
            "err line-length\nok 0\nerr line-length\n");
  EXPECT_EQ(Served({"mix 0\n" + limit + "\n" + limit + "xx\nmix 0\n"}),
            "ok 0\nerr line-length\nok 0\n");
}

TEST(Serve, Failures) {
  Written sink;
  Pieces source({"mix 0\n"}, sink.text);
  source.FailAtTheEnd();
  EXPECT_EQ(Serve(source, sink), ServeEnd::kInputFailed);
  EXPECT_EQ(sink.text, "ok 0\n");
  Pieces more({"mix 0\n", "mix 0\n"}, sink.text);
  sink.good = false;
  EXPECT_EQ(Serve(more, sink), ServeEnd::kOutputFailed);
  Pieces quit({"quit"}, sink.text);
  EXPECT_EQ(Serve(quit, sink), ServeEnd::kOutputFailed);
}

}  // namespace
}  // namespace dkv20
