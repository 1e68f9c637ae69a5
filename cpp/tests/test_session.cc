#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/session.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Ask;

constexpr std::string_view kEmptyHash =
    "e3cf04904d4f7505135b16e3ca3109e488cea68733d16b66afca4057798d3576";
constexpr std::string_view kEmptySnapshot =
    "0x444b565301000000000000000000000000000000000000000000000000000000";

// Lines and their answers, in one session.
void ExpectTalk(const std::vector<std::pair<std::string_view, std::string>>& talk) {
  Session session;
  for (const auto& [line, answer] : talk) EXPECT_EQ(Ask(session, line), answer) << line;
}

TEST(Session, EveryCommand) {
  ExpectTalk({
      {"hello", "ok dkv20 1 cpp"},
      {"new 3", "ok"},
      {"noop", "ok committed index=1 term=1"},
      {"put a 0x76", "ok committed index=2 term=1"},
      {"get 2 a", "ok 0x76"},
      {"get 2 b", "ok none"},
      {"put b 0x", "ok committed index=3 term=1"},
      {"get 1 b", "ok 0x"},
      {"del a", "ok committed index=4 term=1"},
      {"status", "ok leader=0 term=1 quorum=2 isolated=none"},
      {"partition", "ok leader=0 term=1"},
      {"partition 0", "ok leader=1 term=2"},
      {"at 0 put x y", "ok pending index=5 term=1"},
      {"at 1 noop", "ok committed index=6 term=2"},
      {"at 2 del x", "err not-leader"},
      {"status", "ok leader=1 term=2 quorum=2 isolated=0"},
      {"partition 2", "ok leader=1 term=2"},
      {"noop", "ok pending index=7 term=2"},
      {"partition 1", "ok leader=none term=2"},
      {"noop", "err no-leader"},
      {"status", "ok leader=none term=2 quorum=2 isolated=0,1,2"},
      {"replica 0", "ok role=leader term=1 base=0 commit=4 last=5 keys=1"},
      {"heal 0", "ok leader=none term=2"},
      {"replica 0", "ok role=follower term=1 base=0 commit=4 last=5 keys=1"},
      {"heal 1 2", "ok leader=1 term=2"},
      {"compact 0", "ok"},
      {"replica 0", "ok role=follower term=2 base=7 commit=7 last=7 keys=1"},
      {"replica 1", "ok role=leader term=2 base=0 commit=7 last=7 keys=1"},
      {"compact", "ok"},
      {"replica 1", "ok role=leader term=2 base=7 commit=7 last=7 keys=1"},
      {"log 1", "ok " + testing::Sha256Hex("")},
      {"heal", "ok leader=1 term=2"},
      {"workload 1 10 5", "ok committed=5 pending=0 refused=0"},
      {"mix 1", "ok 6238072747940578789"},
      {"draw 1234567 2", "ok 6457827717110365317 3203168211198807973"},
      {"new 1", "ok"},
      {"dump 0", "ok " + std::string(kEmptySnapshot)},
      {"hash 0", "ok " + std::string(kEmptyHash)},
      {"quit", "ok"},
  });
}

TEST(Session, Load) {
  Session session;
  EXPECT_EQ(Ask(session, "load " + std::string(kEmptySnapshot)),
            "ok commit=0 term=0 keys=0 sha256=" + std::string(kEmptyHash));
  EXPECT_EQ(Ask(session, "load 0x"), "err truncated offset=0");
  EXPECT_EQ(Ask(session, "load 0x00"), "err truncated offset=0");
  EXPECT_EQ(Ask(session, "load DKVT"), "err bad-magic offset=0");
  EXPECT_EQ(Ask(session, "load DKVS0000"), "err bad-version offset=4");
  EXPECT_EQ(session.cluster(), nullptr);
}

TEST(Session, OrderOfErrors) {
  Session session;
  EXPECT_EQ(Ask(session, "nonsense x"), "err unknown-command");
  EXPECT_EQ(Ask(session, "put a"), "err syntax");
  EXPECT_EQ(Ask(session, "put a b"), "err no-cluster");
  EXPECT_EQ(Ask(session, "put 0x b"), "err no-cluster");
  EXPECT_EQ(Ask(session, "at 9 noop"), "err no-cluster");
  EXPECT_EQ(Ask(session, "replica 9"), "err no-cluster");
  EXPECT_EQ(Ask(session, "workload 1 0 0"), "err no-cluster");
  EXPECT_EQ(Ask(session, "chaos 1 10000001"), "err no-cluster");
  EXPECT_EQ(Ask(session, "new 0"), "err replica-count");
  EXPECT_EQ(Ask(session, "status"), "err no-cluster");
  EXPECT_EQ(Ask(session, "new 65"), "err replica-count");
  EXPECT_EQ(Ask(session, "new 64"), "ok");
  EXPECT_EQ(Ask(session, "put k v"), "ok committed index=1 term=1");
  EXPECT_EQ(Ask(session, "new 18446744073709551615"), "err replica-count");
  EXPECT_EQ(Ask(session, "get 63 k"), "ok 0x76");  // The old cluster stays.
  EXPECT_EQ(Ask(session, "get 64 0x"), "err unknown-replica");
  EXPECT_EQ(Ask(session, "get 63 0x"), "err key-length");
  const std::string over(4097, 'k');
  EXPECT_EQ(Ask(session, "get 0 " + over), "err key-length");
  EXPECT_EQ(Ask(session, "get 0 " + over.substr(1)), "ok none");
  EXPECT_EQ(Ask(session, "at 64 put 0x v"), "err unknown-replica");
  EXPECT_EQ(Ask(session, "at 1 put 0x v"), "err key-length");
  EXPECT_EQ(Ask(session, "at 1 put k v"), "err not-leader");
  EXPECT_EQ(Ask(session, "put 0x " + std::string(1048577, 'v')), "err key-length");
  EXPECT_EQ(Ask(session, "put k " + std::string(1048577, 'v')), "err value-length");
  EXPECT_EQ(Ask(session, "put k " + std::string(1048576, 'v')), "ok committed index=2 term=1");
  EXPECT_EQ(Ask(session, "workload 1 0 10000001"), "err key-space");
  EXPECT_EQ(Ask(session, "workload 1 1 10000001"), "err count");
  EXPECT_EQ(Ask(session, "chaos 1 10000001"), "err count");
  EXPECT_EQ(Ask(session, "draw 1 0"), "err count");
  EXPECT_EQ(Ask(session, "draw 1 1001"), "err count");
  EXPECT_EQ(Ask(session, "scenario C"), "err unknown-scenario");
  EXPECT_EQ(Ask(session, "scenario a"), "err unknown-scenario");
  for (const auto word : {"hash", "dump", "log", "replica", "partition", "heal", "compact"}) {
    EXPECT_EQ(Ask(session, std::string(word) + " 64"), "err unknown-replica") << word;
  }
  EXPECT_EQ(Ask(session, std::string(kLineLengthMax + 1, '#')), "err line-length");
}

TEST(Session, CountsAreTakenUpToTheirLimits) {
  Session session;
  const std::string draws = Ask(session, "draw 1 1000");
  EXPECT_EQ(std::count(draws.begin(), draws.end(), ' '), 1000) << draws;
  Ask(session, "new 1");
  EXPECT_EQ(Ask(session, "workload 1 1000000 0"), "ok committed=0 pending=0 refused=0");
  EXPECT_EQ(Ask(session, "workload 1 1 1"), "ok committed=1 pending=0 refused=0");
  EXPECT_TRUE(Ask(session, "chaos 1 0").starts_with("ok digest="));
}

TEST(Session, ScenarioLeavesTheClusterAlone) {
  Session session;
  Ask(session, "new 1");
  Ask(session, "put k v");
  EXPECT_TRUE(Ask(session, "scenario A").starts_with("ok e17654"));
  EXPECT_EQ(Ask(session, "get 0 k"), "ok 0x76");
}

// Hands out its pieces one by one and notes what the sink had got before each.
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

TEST(Serve, AnswersWhateverThePieces) {
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

TEST(Serve, FlushesBeforeItReads) {
  Written sink;
  Pieces source({"mix 0\nmi", "x 0\nmix 0\n", "mix", " 0"}, sink.text);
  EXPECT_EQ(Serve(source, sink), ServeEnd::kDone);
  EXPECT_EQ(source.seen(), (std::vector<std::string>{"", "ok 0\n", "ok 0\nok 0\nok 0\n",
                                                     "ok 0\nok 0\nok 0\n", "ok 0\nok 0\nok 0\n"}));
  EXPECT_EQ(sink.text, "ok 0\nok 0\nok 0\nok 0\n");
}

// Answers to lines that were read at once do not all have to fit before it is noticed that nobody
// takes them.
TEST(Serve, WritesMuchBeforeItHasReadAll) {
  std::string lines;
  for (int i = 0; i < 4000; ++i) lines += "mix 1\n";
  Written sink;
  sink.good = false;
  Pieces source({lines}, sink.text);
  EXPECT_EQ(Serve(source, sink), ServeEnd::kWriteFailed);
  EXPECT_GE(sink.text.size(), 65536U);
  EXPECT_LT(sink.text.size(), 65536U + 100U);
  EXPECT_EQ(source.seen().size(), 1U);
}

TEST(Serve, QuitEndsIt) {
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
  EXPECT_EQ(Serve(source, sink), ServeEnd::kReadFailed);
  EXPECT_EQ(sink.text, "ok 0\n");
  Pieces more({"mix 0\n", "mix 0\n"}, sink.text);
  sink.good = false;
  EXPECT_EQ(Serve(more, sink), ServeEnd::kWriteFailed);
  Pieces quit({"quit"}, sink.text);
  EXPECT_EQ(Serve(quit, sink), ServeEnd::kWriteFailed);
}

}  // namespace
}  // namespace dkv20
