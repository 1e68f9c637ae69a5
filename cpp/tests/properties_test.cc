// Properties under random input: a cluster agrees with the naive model, snapshots round-trip, and a
// session answers every line.

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
#include "dump.h"
#include "model.h"
#include "protocol.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Ask;
using testing::CompactIds;
using testing::HealIds;
using testing::MakeCluster;
using testing::Model;
using testing::ModelCounts;
using testing::Partition;
using testing::Random;
using testing::Repeated;
using testing::Str;

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

void ExpectSameOutcome(const Result<Outcome>& actual, const Result<Outcome>& expected) {
  ASSERT_EQ(actual.ok(), expected.ok());
  if (expected.ok()) {
    ASSERT_EQ(actual.value(), expected.value());
  } else {
    ASSERT_EQ(ErrorName(actual.error()), ErrorName(expected.error()));
  }
}

// Rare by chance: a deposed leader with uncommitted entries of its old term returns and completes a
// quorum whose logs are shorter and newer.
void DeposedLeaderReturns(Random& random, Cluster& cluster, Model& model) {
  const ReplicaId deposed = cluster.leader();
  const auto partition = [&](ReplicaId id) {
    Partition(cluster, {id});
    model.Partition({id});
  };
  partition(deposed);
  for (std::uint64_t i = random.Below(6); i > 0; --i) {
    const Op op = RandomOp(random);
    ExpectSameOutcome(cluster.ProposeAt(deposed, op), model.ProposeAt(deposed, op));
  }
  partition(cluster.leader());
  for (ReplicaId id = 0; cluster.size() - cluster.isolated_ids().size() >= cluster.quorum(); ++id) {
    partition(id);
  }
  HealIds(cluster, {deposed});
  model.HealIds({deposed});
}

// Runs one random operation on both.
void Step(Random& random, Cluster& cluster, Model& model) {
  const std::size_t size = model.size();
  if (random.OneIn(40)) return DeposedLeaderReturns(random, cluster, model);
  const std::uint64_t choice = random.Below(20);
  if (choice < 8) {
    const Op op = random.OneIn(50) ? Op::Del(Str("")) : RandomOp(random);
    ExpectSameOutcome(cluster.Propose(op), model.Propose(op));
  } else if (choice < 13) {
    const Op op = RandomOp(random);
    const ReplicaId id = random.Below(size + 1);
    ExpectSameOutcome(cluster.ProposeAt(id, op), model.ProposeAt(id, op));
  } else if (choice < 15) {
    const std::vector<ReplicaId> ids =
        random.OneIn(2) ? RandomIds(random, size) : std::vector<ReplicaId>{cluster.leader()};
    Partition(cluster, ids);
    model.Partition(ids);
  } else if (choice < 17) {
    const std::vector<ReplicaId> ids = RandomIds(random, size);
    HealIds(cluster, ids);
    model.HealIds(ids);
  } else if (choice < 18) {
    cluster.Heal();
    model.HealIds(model.all_ids());
  } else if (choice < 19) {
    const std::vector<ReplicaId> ids = RandomIds(random, size);
    CompactIds(cluster, ids);
    model.CompactIds(ids);
  } else if (random.OneIn(3)) {
    cluster.Compact();
    model.CompactIds(model.all_ids());
  }
}

ModelCounts RunBoth(std::size_t size, std::uint64_t seed, int steps) {
  Random random(seed);
  Cluster cluster = MakeCluster(size);
  Model model(size);
  for (int i = 0; i < steps; ++i) {
    Step(random, cluster, model);
    model.ExpectSame(cluster);
    if (::testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "size " << size << " seed " << seed << " step " << i;
      break;
    }
  }
  return model.counts();
}

class ClusterModel : public ::testing::TestWithParam<std::size_t> {};

TEST_P(ClusterModel, AgreesAfterEveryStep) {
  const std::size_t size = GetParam();
  ModelCounts sum;
  for (std::uint64_t seed = 1; seed <= (size < 10 ? 6 : 1) && !HasFatalFailure(); ++seed) {
    const ModelCounts counts = RunBoth(size, seed, size < 10 ? 300 : 100);
    sum.elections += counts.elections;
    sum.elections_won_against_longer_log += counts.elections_won_against_longer_log;
    sum.truncations += counts.truncations;
    sum.snapshots += counts.snapshots;
    sum.demotions += counts.demotions;
    sum.leaderless += counts.leaderless;
    sum.pending += counts.pending;
    sum.pending_committed += counts.pending_committed;
  }
  // The test means nothing unless these have happened.
  EXPECT_GT(sum.leaderless, 0);
  if (size < 3 || size > 10) return;
  EXPECT_GT(sum.elections, 20);
  EXPECT_GT(sum.elections_won_against_longer_log, 0);
  EXPECT_GT(sum.truncations, 10);
  EXPECT_GT(sum.snapshots, 10);
  EXPECT_GT(sum.demotions, 10);
  EXPECT_GT(sum.pending, 10);
  EXPECT_GT(sum.pending_committed, 10);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ClusterModel, ::testing::Values(1, 2, 3, 4, 5, 6, 7, 64));

OrderedMap RandomMap(Random& random) {
  OrderedMap map;
  for (std::uint64_t i = random.Below(12); i > 0; --i) {
    map.Put(RandomKey(random), Repeated(static_cast<std::size_t>(random.Below(20)), 'v'));
  }
  return map;
}

TEST(SnapshotProperty, RoundTrips) {
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
    ASSERT_EQ(loaded.value().key_count(), map.size());

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
  static const std::vector<std::string> kTokens = testing::Split(
      "0|1|2|5|007|18446744073709551615|18446744073709551616|0x|0x6|0x6b|0xZZ|0X61|key|-1|+1|"
      "1.0|A|B|a\rb|\t|#|noop|put|del|\xc3\x28|\0\xff"sv);
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

// A line gets one answer, or none if it is blank or a comment. An error changes nothing.
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
    const bool has_answer = session.RunLine(line, answer);
    const auto first = line.find_first_not_of(' ');
    const bool silent = first == std::string::npos || line[first] == '#';
    ASSERT_NE(has_answer, silent) << line;
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

// A line of random bytes is an unknown command.
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

// Runs the commands of scenario B on the model.
void RunOnModel(const Command& command, Model& model) {
  switch (command.kind) {
    case CommandKind::kProposeAt:
      EXPECT_TRUE(model.ProposeAt(command.numbers[0], command.op).ok());
      return;
    case CommandKind::kPartition:
      return model.Partition(command.ids);
    case CommandKind::kHeal:
      return model.HealIds(command.ids.empty() ? model.all_ids() : command.ids);
    case CommandKind::kCompact:
      return model.CompactIds(model.all_ids());
    case CommandKind::kWorkload: {
      SplitMix64 draws(command.numbers[0]);
      for (std::uint64_t i = 0; i < command.numbers[2]; ++i) {
        static_cast<void>(model.Propose(DrawOp(draws, command.numbers[1]).value()).ok());
      }
      return;
    }
    default:
      FAIL() << "scenario B has no such command";
  }
}

// The pinned hash of scenario B does not depend on this library's cluster.
TEST(ScenarioProperty, ModelHasHashOfB) {
  std::string_view script = ScenarioScript("B");
  ASSERT_TRUE(script.starts_with("new 5\n"));
  script.remove_prefix(6);
  Model model(5);
  while (!script.empty()) {
    const std::string_view line = script.substr(0, script.find('\n'));
    RunOnModel(Parse(line).value(), model);
    script.remove_prefix(line.size() + 1);
  }
  for (ReplicaId id = 0; id < 5; ++id) {
    EXPECT_EQ(testing::Sha256Hex(model.replica(id).DumpState()), RunScenario("B").value()) << id;
  }
}

}  // namespace
}  // namespace dkv20
