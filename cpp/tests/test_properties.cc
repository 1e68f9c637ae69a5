// Properties under random events: a cluster against its naive twin, snapshots against their
// mutations, a session against lines that make sense and lines that make none.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/scenario.h"
#include "dkv20/session.h"
#include "dkv20/snapshot.h"
#include "dkv20/workload.h"
#include "support.h"
#include "twin.h"

namespace dkv20 {
namespace {

using testing::Ask;
using testing::MakeCluster;
using testing::Random;
using testing::Repeated;
using testing::Str;
using testing::Twin;
using testing::TwinCounts;

ByteString RandomKey(Random& random) {
  static const std::vector<ByteString> kKeys = {
      Str("a"),     Str("ab"),         Str({0}),      Str({0, 0}),       Str({0x7f}),
      Str({0x80}),  Str({0xff}),       Str("key"),    Str("key-000"),    Repeated(15),
      Repeated(16), Repeated(17, 'y'), Repeated(300), Str({0xc3, 0x28}), Str("fifteen bytes!")};
  return random.Of(kKeys);
}

Op RandomOp(Random& random) {
  switch (random.Below(8)) {
    case 0:
      return Op::NoOp();
    case 1:
    case 2:
      return Op::Del(RandomKey(random));
    default:
      return Op::Put(RandomKey(random), Repeated(static_cast<std::size_t>(random.Below(40)), 'v'));
  }
}

std::vector<ReplicaId> RandomIds(Random& random, std::size_t size) {
  std::vector<ReplicaId> ids(static_cast<std::size_t>(random.Below(size + 1)));
  for (ReplicaId& id : ids) id = random.Below(size);
  return ids;
}

std::vector<ReplicaId> AllIds(std::size_t size) {
  std::vector<ReplicaId> ids(size);
  for (std::size_t i = 0; i < size; ++i) ids[i] = i;
  return ids;
}

void ExpectSameOutcome(const Result<Outcome>& got,
                       const std::pair<std::optional<Outcome>, std::string>& expected) {
  if (expected.first) {
    ASSERT_TRUE(got.ok());
    ASSERT_EQ(got.value(), *expected.first);
  } else {
    ASSERT_FALSE(got.ok());
    ASSERT_EQ(ErrorName(got.error()), expected.second);
  }
}

// What hardly comes by chance: a deposed leader with a long tail of its old term comes back to
// complete a quorum whose logs are shorter and newer.
void DeposedLeaderReturns(Random& random, Cluster& cluster, Twin& twin) {
  const ReplicaId deposed = cluster.leader();
  const auto partition = [&](ReplicaId id) {
    cluster.Partition({id});
    twin.Partition({id});
  };
  partition(deposed);
  for (std::uint64_t i = random.Below(6); i > 0; --i) {
    const Op op = RandomOp(random);
    ExpectSameOutcome(cluster.ProposeAt(deposed, op), twin.ProposeAt(deposed, op));
  }
  partition(cluster.leader());
  for (ReplicaId id = 0; cluster.size() - cluster.isolated_ids().size() >= cluster.quorum(); ++id) {
    partition(id);
  }
  cluster.HealIds({deposed});
  twin.Heal({deposed});
}

// One random event on both.
void Step(Random& random, Cluster& cluster, Twin& twin) {
  const std::size_t size = twin.size();
  if (random.OneIn(40)) return DeposedLeaderReturns(random, cluster, twin);
  const std::uint64_t choice = random.Below(20);
  if (choice < 8) {
    const Op op = random.OneIn(50) ? Op::Del(Str("")) : RandomOp(random);
    ExpectSameOutcome(cluster.Propose(op), twin.Propose(op));
  } else if (choice < 13) {
    const Op op = RandomOp(random);
    const ReplicaId id = random.Below(size + 1);
    ExpectSameOutcome(cluster.ProposeAt(id, op), twin.ProposeAt(id, op));
  } else if (choice < 15) {
    const std::vector<ReplicaId> ids =
        random.OneIn(2) ? RandomIds(random, size) : std::vector<ReplicaId>{cluster.leader()};
    ASSERT_EQ(cluster.Partition(ids), std::nullopt);
    twin.Partition(ids);
  } else if (choice < 17) {
    const std::vector<ReplicaId> ids = RandomIds(random, size);
    ASSERT_EQ(cluster.HealIds(ids), std::nullopt);
    twin.Heal(ids);
  } else if (choice < 18) {
    cluster.Heal();
    twin.Heal(AllIds(size));
  } else if (choice < 19) {
    const std::vector<ReplicaId> ids = RandomIds(random, size);
    ASSERT_EQ(cluster.CompactIds(ids), std::nullopt);
    twin.Compact(ids);
  } else if (random.OneIn(3)) {
    cluster.Compact();
    twin.Compact(AllIds(size));
  }
}

TwinCounts RunTwins(std::size_t size, std::uint64_t seed, int steps) {
  Random random(seed);
  Cluster cluster = MakeCluster(size);
  Twin twin(size);
  for (int i = 0; i < steps; ++i) {
    Step(random, cluster, twin);
    twin.ExpectSame(cluster);
    if (::testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "size " << size << " seed " << seed << " step " << i;
      break;
    }
  }
  return twin.counts();
}

class ClusterTwin : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ClusterTwin, AgreesAfterEveryEvent) {
  const std::size_t size = GetParam();
  TwinCounts sum;
  for (std::uint64_t seed = 1; seed <= (size < 10 ? 6 : 1) && !HasFatalFailure(); ++seed) {
    const TwinCounts counts = RunTwins(size, seed, size < 10 ? 300 : 100);
    sum.elections += counts.elections;
    sum.elections_won_against_longer_log += counts.elections_won_against_longer_log;
    sum.truncations += counts.truncations;
    sum.snapshots_for_missing += counts.snapshots_for_missing;
    sum.demotions += counts.demotions;
    sum.leaderless += counts.leaderless;
    sum.pending += counts.pending;
    sum.pending_committed += counts.pending_committed;
  }
  // What must have happened for this to mean anything.
  EXPECT_GT(sum.leaderless, 0);
  if (size < 3 || size > 10) return;
  EXPECT_GT(sum.elections, 20);
  EXPECT_GT(sum.elections_won_against_longer_log, 0);
  EXPECT_GT(sum.truncations, 10);
  EXPECT_GT(sum.snapshots_for_missing, 10);
  EXPECT_GT(sum.demotions, 10);
  EXPECT_GT(sum.pending, 10);
  EXPECT_GT(sum.pending_committed, 10);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ClusterTwin, ::testing::Values(1, 2, 3, 4, 5, 6, 7, 64));

OrderedMap RandomMap(Random& random) {
  OrderedMap map;
  for (std::uint64_t i = random.Below(12); i > 0; --i) {
    map.Put(RandomKey(random), Repeated(static_cast<std::size_t>(random.Below(20)), 'v'));
  }
  return map;
}

TEST(SnapshotProperty, RoundTripsAndMutations) {
  Random random(1);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const OrderedMap map = RandomMap(random);
    const std::uint64_t commit = map.size() + random.Below(3);
    Bytes bytes = DumpState(commit, commit == 0 ? 0 : 1 + random.Below(5), map);
    const auto loaded = LoadState(bytes);
    ASSERT_TRUE(loaded.ok());
    ASSERT_EQ(loaded.value().DumpState(), bytes);
    ASSERT_EQ(loaded.value().map.size(), map.size());

    const auto at = static_cast<std::size_t>(random.Below(bytes.size()));
    if (random.OneIn(3)) {
      bytes.resize(at);
    } else if (random.OneIn(3)) {
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), 0);
    } else {
      bytes[at] = static_cast<std::uint8_t>(random.OneIn(2) ? random.Any() : bytes[at] + 1U);
    }
    const auto mutated = LoadState(bytes);
    if (mutated.ok()) {
      ++accepted;
      ASSERT_EQ(mutated.value().DumpState(), bytes);
    } else {
      ++refused;
      ASSERT_LE(mutated.error().offset, bytes.size());
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(refused, 10000);
}

std::string RandomToken(Random& random) {
  static const std::vector<std::string> kTokens = {"0",
                                                   "1",
                                                   "2",
                                                   "5",
                                                   "007",
                                                   "18446744073709551615",
                                                   "18446744073709551616",
                                                   "0x",
                                                   "0x6",
                                                   "0x6b",
                                                   "0xZZ",
                                                   "0X61",
                                                   "key",
                                                   "-1",
                                                   "+1",
                                                   "1.0",
                                                   "A",
                                                   "B",
                                                   "a\rb",
                                                   "\t",
                                                   "#",
                                                   std::string("\0\xff", 2),
                                                   "noop",
                                                   "put",
                                                   "del",
                                                   "\xc3\x28"};
  return random.Of(kTokens);
}

std::string RandomLine(Random& random) {
  static const std::vector<std::string> kWords = {
      "hello",     "new",      "noop",   "put",     "del",  "at",       "partition",
      "heal",      "compact",  "status", "replica", "get",  "hash",     "dump",
      "log",       "load",     "mix",    "draw",    "hash", "at 0 put", "at 1 del",
      "at 0 noop", "nonsense", "HELLO",  "#",       "",     " "};
  std::string line = random.Of(kWords);
  for (std::uint64_t i = random.Below(4); i > 0; --i) {
    line += std::string(1 + static_cast<std::size_t>(random.Below(2)), ' ') + RandomToken(random);
  }
  return line;
}

// Every line gets one line or, blank or a comment, none; errors change nothing.
TEST(SessionProperty, RandomLines) {
  Random random(2);
  Session session;
  int errors = 0;
  int fine = 0;
  for (int i = 0; i < 30000; ++i) {
    const std::string line = RandomLine(random);
    const std::string before =
        session.cluster() == nullptr ? "" : testing::Describe(*session.cluster());
    std::string answer;
    const Reply reply = session.Run(line, answer);
    const auto first = line.find_first_not_of(' ');
    const bool silent = first == std::string::npos || line[first] == '#';
    ASSERT_EQ(reply == Reply::kNone, silent) << line;
    ASSERT_EQ(answer.empty(), silent) << line;
    ASSERT_EQ(answer.find('\n'), std::string::npos) << line;
    if (silent) continue;
    ASSERT_TRUE(answer.starts_with("ok") || answer.starts_with("err ")) << line << answer;
    if (answer.starts_with("ok")) {
      ++fine;
      continue;
    }
    ++errors;
    ASSERT_EQ(before, session.cluster() == nullptr ? "" : testing::Describe(*session.cluster()))
        << line;
  }
  EXPECT_GT(errors, 5000);
  EXPECT_GT(fine, 2000);
}

// Words of random bytes are never anything but answered.
TEST(SessionProperty, RandomBytes) {
  Random random(3);
  Session session;
  Ask(session, "new 3");
  for (int i = 0; i < 20000; ++i) {
    std::string line;
    for (std::uint64_t n = random.Below(20); n > 0; --n) {
      const char byte = static_cast<char>(static_cast<std::uint8_t>(random.Any()));
      if (byte != '\n') line += byte;
    }
    const std::string answer = Ask(session, line);
    ASSERT_TRUE(answer == "err unknown-command" || answer == "(none)") << line << answer;
  }
}

// Runs the commands that scenario B consists of on the twin.
void RunOnTwin(const Command& command, Twin& twin) {
  switch (command.kind) {
    case CommandKind::kProposeAt:
      twin.ProposeAt(command.numbers[0], command.op);
      return;
    case CommandKind::kPartition:
      return twin.Partition(command.ids);
    case CommandKind::kHeal:
      return twin.Heal(command.ids.empty() ? AllIds(twin.size()) : command.ids);
    case CommandKind::kCompact:
      return twin.Compact(AllIds(twin.size()));
    case CommandKind::kWorkload: {
      SplitMix64 draws(command.numbers[0]);
      for (std::uint64_t i = 0; i < command.numbers[2]; ++i) {
        twin.Propose(DrawOp(draws, command.numbers[1]));
      }
      return;
    }
    default:
      FAIL() << "scenario B has no such command";
  }
}

// The pinned hash of scenario B does not rest on this library's cluster.
TEST(ScenarioProperty, TwinComesToTheHashOfB) {
  std::string_view script = ScenarioScript("B");
  ASSERT_TRUE(script.starts_with("new 5\n"));
  script.remove_prefix(6);
  Twin twin(5);
  while (!script.empty()) {
    const std::string_view line = script.substr(0, script.find('\n'));
    RunOnTwin(Parse(line).value(), twin);
    script.remove_prefix(line.size() + 1);
  }
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(testing::Sha256Hex(twin.replica(id).Dump()), RunScenario("B").value()) << id;
  }
}

}  // namespace
}  // namespace dkv20
