#include "dkv20/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/limits.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Ask;

constexpr std::string_view kEmptyHash =
    "e3cf04904d4f7505135b16e3ca3109e488cea68733d16b66afca4057798d3576";
constexpr std::string_view kEmptySnapshot =
    "0x444b565301000000000000000000000000000000000000000000000000000000";

// Runs lines in one session and compares the answers.
void ExpectAnswers(const std::vector<std::pair<std::string_view, std::string>>& steps) {
  Session session;
  for (const auto& [line, answer] : steps) EXPECT_EQ(Ask(session, line), answer) << line;
}

TEST(Session, EveryCommand) {
  ExpectAnswers({
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
  EXPECT_EQ(Ask(session, "get 63 k"), "ok 0x76");  // The old cluster remains.
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

TEST(Session, NoAnswerAfterQuit) {
  Session session;
  EXPECT_FALSE(session.has_quit());
  EXPECT_EQ(Ask(session, "quit"), "ok");
  EXPECT_TRUE(session.has_quit());
  for (const auto line : {"mix 0", "quit", "nonsense", "new 1"}) {
    EXPECT_EQ(Ask(session, line), "(none)") << line;
  }
  EXPECT_EQ(session.cluster(), nullptr);
}

TEST(Session, AnswerIsAppended) {
  Session session;
  std::string out = "before ";
  EXPECT_TRUE(session.RunLine("mix 0", out));
  EXPECT_FALSE(session.RunLine("# comment", out));
  EXPECT_EQ(out, "before ok 0");
}

TEST(Session, GreatestCounts) {
  Session session;
  const std::string draws = Ask(session, "draw 1 1000");
  EXPECT_EQ(std::count(draws.begin(), draws.end(), ' '), 1000) << draws;
  Ask(session, "new 1");
  EXPECT_EQ(Ask(session, "workload 1 1000000 0"), "ok committed=0 pending=0 refused=0");
  EXPECT_EQ(Ask(session, "workload 1 1 1"), "ok committed=1 pending=0 refused=0");
  EXPECT_TRUE(Ask(session, "chaos 1 0").starts_with("ok digest="));
}

TEST(Session, ScenarioHasItsOwnCluster) {
  Session session;
  Ask(session, "new 1");
  Ask(session, "put k v");
  EXPECT_TRUE(Ask(session, "scenario A").starts_with("ok e17654"));
  EXPECT_EQ(Ask(session, "get 0 k"), "ok 0x76");
}

}  // namespace
}  // namespace dkv20
