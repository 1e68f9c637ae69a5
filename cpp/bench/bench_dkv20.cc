// The speed of the library, with the baselines to compare it with.
//
// Each benchmark runs one whole iteration unless --benchmark_min_time asks for more, so that
// benchmarks that are compared can alternate in short rounds. Setup is not timed.
// DKV20_BENCH_SCALE=N divides the numbers of ops, entries and keys by N (but not those in the
// names), for a quick trial.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dkv20/byte_string.h"
#include "dkv20/cluster.h"
#include "dkv20/serve.h"
#include "dkv20/session.h"
#include "dkv20/snapshot.h"
#include "dkv20/splitmix64.h"
#include "dkv20/workload.h"
#include "dump.h"
#include "ordered_map.h"
#include "protocol.h"

namespace {

using dkv20::Bytes;
using dkv20::ByteString;
using dkv20::Cluster;
using dkv20::Op;
using dkv20::OrderedMap;
using dkv20::SplitMix64;
using PlainMap = std::map<std::string, std::string>;

// Returns `number`, divided by DKV20_BENCH_SCALE.
std::size_t Scaled(std::size_t number) {
  const char* const scale = std::getenv("DKV20_BENCH_SCALE");
  const std::size_t divisor = scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10);
  return std::max<std::size_t>(number / std::max<std::size_t>(divisor, 1), 1);
}

constexpr std::size_t kReplicas = 5;
const std::size_t kOps = Scaled(1000000);
constexpr std::uint64_t kFewKeys = 10000;
constexpr std::uint64_t kManyKeys = 1000000;
// The number of entries that a replica has missed when it is healed.
constexpr std::size_t kMissed = 1000;

// Returns the ops of the workload of seed 1, made once for each size of the key space.
const std::vector<Op>& Ops(std::uint64_t keys) {
  static std::map<std::uint64_t, std::vector<Op>> made;
  std::vector<Op>& ops = made[keys];
  SplitMix64 draws(1);
  while (ops.size() < std::max(kOps, kMissed)) ops.push_back(dkv20::DrawOp(draws, keys).value());
  return ops;
}

// Returns the op at a position of the workload of few keys, which repeats.
const Op& OpAt(std::size_t position) { return Ops(kFewKeys)[position % kOps]; }

// Returns a map of the keys 0 to `keys` - 1, scaled, put in random order. Made once for each number
// of keys.
const OrderedMap& ShuffledMap(std::uint64_t keys) {
  keys = Scaled(keys);
  static std::map<std::uint64_t, OrderedMap> made;
  OrderedMap& map = made[keys];
  if (map.size() > 0) return map;
  std::vector<std::uint64_t> order(keys);
  std::iota(order.begin(), order.end(), 0);
  SplitMix64 draws(2);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draws.Next() % i]);
  for (const std::uint64_t i : order) {
    map.Put(dkv20::DecodeKey(i, keys).value(), ByteString(std::string_view("12345678")));
  }
  return map;
}

Cluster MakeCluster() { return Cluster::New(kReplicas).value(); }

// The number of ops after which a map of few keys does not grow.
constexpr std::size_t kSettled = 40000;

// Returns a cluster whose log has `length` entries. The size of its maps does not depend on that.
Cluster MakeClusterWithLog(std::size_t length) {
  Cluster cluster = MakeCluster();
  for (std::size_t i = 0; i < kSettled; ++i) benchmark::DoNotOptimize(cluster.Propose(OpAt(i)));
  cluster.Compact();
  for (std::size_t i = 0; i < length; ++i) benchmark::DoNotOptimize(cluster.Propose(OpAt(i)));
  return cluster;
}

std::string ToString(const ByteString& bytes) {
  return {bytes.data(), bytes.data() + bytes.size()};
}

void Apply(const Op& op, OrderedMap& map) {
  if (op.kind() == dkv20::OpKind::kPut) {
    map.Put(op.key(), op.value());
  } else if (op.kind() == dkv20::OpKind::kDel) {
    map.Remove(op.key());
  }
}

void Apply(const Op& op, PlainMap& map) {
  if (op.kind() == dkv20::OpKind::kPut) {
    map.insert_or_assign(ToString(op.key()), ToString(op.value()));
  } else if (op.kind() == dkv20::OpKind::kDel) {
    map.erase(ToString(op.key()));
  }
}

void SetBytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

std::size_t Argument(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

// --- A workload, and its floor ------------------------------------------------------

// Each op goes through the logs, replication and commit of five replicas.
void Propose(benchmark::State& state) {
  const std::vector<Op>& ops = Ops(Argument(state));
  Cluster cluster = MakeCluster();
  for (auto _ : state) {
    for (const Op& op : ops) benchmark::DoNotOptimize(cluster.Propose(op));
  }
}
BENCHMARK(Propose)->ArgName("keys")->Arg(kFewKeys)->Arg(kManyKeys);

// The same ops applied to five maps of the standard library, without log, quorum and checks.
void Floor(benchmark::State& state) {
  const std::vector<Op>& ops = Ops(Argument(state));
  std::array<PlainMap, kReplicas> maps;
  for (auto _ : state) {
    for (const Op& op : ops) {
      for (PlainMap& map : maps) Apply(op, map);
    }
    benchmark::DoNotOptimize(maps);
  }
}
BENCHMARK(Floor)->ArgName("keys")->Arg(kFewKeys)->Arg(kManyKeys);

// --- Snapshots ----------------------------------------------------------------------

// Runs `make`, which returns Bytes, several times, one iteration each. The two calls before are
// not timed: they leave memory that has been used to the calls that are.
template <typename Make>
void MakeBytes(benchmark::State& state, Make make) {
  constexpr int kTimes = 8;
  benchmark::DoNotOptimize(make().data());
  const std::size_t size = make().size();
  while (state.KeepRunningBatch(kTimes)) {
    for (int i = 0; i < kTimes; ++i) benchmark::DoNotOptimize(make().data());
  }
  SetBytes(state, size);
}

void Dump(benchmark::State& state) {
  const OrderedMap& map = ShuffledMap(Argument(state));
  MakeBytes(state, [&] { return dkv20::DumpState(kOps, 1, map); });
}
BENCHMARK(Dump)->ArgName("keys")->Arg(kManyKeys);

// Copies as many bytes as the dump has.
void Memcpy(benchmark::State& state) {
  const Bytes bytes = dkv20::DumpState(kOps, 1, ShuffledMap(Argument(state)));
  MakeBytes(state, [&] { return Bytes(bytes); });
}
BENCHMARK(Memcpy)->ArgName("keys")->Arg(kManyKeys);

void HashMap(benchmark::State& state, const OrderedMap& map) {
  for (auto _ : state) benchmark::DoNotOptimize(dkv20::SnapshotHash(kOps, 1, map));
  SetBytes(state, dkv20::DumpState(kOps, 1, map).size());
}

// Few keys with long values: nearly all the time is the hash function's.
void HashStream(benchmark::State& state) {
  constexpr std::uint64_t kValues = 4096;
  constexpr std::size_t kValueLength = 16384;
  OrderedMap map;
  for (std::uint64_t i = 0; i < kValues; ++i) {
    map.Put(dkv20::DecodeKey(i, kValues).value(), ByteString(std::string(kValueLength, 'v')));
  }
  HashMap(state, map);
}
BENCHMARK(HashStream)->Name("Hash/stream");

// Many short keys and values: the walk over the map counts too.
void HashKeys(benchmark::State& state) { HashMap(state, ShuffledMap(Argument(state))); }
BENCHMARK(HashKeys)->Name("Hash")->ArgName("keys")->Arg(kManyKeys);

void Load(benchmark::State& state) {
  const Bytes bytes = dkv20::DumpState(kOps, 1, ShuffledMap(Argument(state)));
  for (auto _ : state) benchmark::DoNotOptimize(dkv20::LoadState(bytes).ok());
  SetBytes(state, bytes.size());
}
BENCHMARK(Load)->ArgName("keys")->Arg(kManyKeys);

// --- Catching up --------------------------------------------------------------------

// The number of iterations of a short benchmark.
constexpr int kTimes = 16;

// Proposes as many ops as a replica misses.
void ProposeMissed(const std::vector<Op>& ops, Cluster& cluster) {
  for (std::size_t i = 0; i < kMissed; ++i) benchmark::DoNotOptimize(cluster.Propose(ops[i]));
}

// One replica catches up. Each iteration makes the log a little longer.
void TimeHeals(benchmark::State& state, const std::vector<Op>& ops, Cluster cluster) {
  while (state.KeepRunningBatch(kTimes)) {
    for (int i = 0; i < kTimes; ++i) {
      state.PauseTiming();
      benchmark::DoNotOptimize(cluster.Partition({kReplicas - 1}).ok());
      ProposeMissed(ops, cluster);
      state.ResumeTiming();
      cluster.Heal();
    }
  }
}

// By length of the log. The size of the map does not depend on it.
void Heal(benchmark::State& state) {
  TimeHeals(state, Ops(kFewKeys), MakeClusterWithLog(Scaled(Argument(state))));
}
BENCHMARK(Heal)->ArgName("log")->Arg(10000)->Arg(1000000);

// Applies the ops that such a replica has missed to one map.
void ApplyOps(benchmark::State& state) {
  const std::size_t count = Argument(state);
  std::size_t length = 0;
  const std::vector<Op>& ops = Ops(kFewKeys);
  OrderedMap map;
  for (; length < kSettled; ++length) Apply(ops[length % kOps], map);
  while (state.KeepRunningBatch(kTimes)) {
    for (int i = 0; i < kTimes; ++i) {
      for (const std::size_t end = length + count; length < end; ++length) {
        Apply(ops[length % kOps], map);
      }
    }
  }
}
BENCHMARK(ApplyOps)->Name("Apply")->ArgName("ops")->Arg(kMissed);

// --- Lines --------------------------------------------------------------------------

const std::size_t kPuts = Scaled(1000000);

Op PutAt(std::size_t position) {
  return Op::Put(dkv20::DecodeKey(position * 7919, kFewKeys).value(),
                 ByteString(std::string_view("12345678")));
}

// Lines that a caller sends without waiting, and a sink for the answers.
class Pipe final : public dkv20::ByteSource, public dkv20::ByteSink {
 public:
  explicit Pipe(std::string_view lines) : lines_(lines) {}

  std::optional<std::size_t> Read(std::span<char> room) noexcept override {
    const std::size_t count = std::min({room.size(), lines_.size(), std::size_t{65536}});
    std::memcpy(room.data(), lines_.data(), count);
    lines_.remove_prefix(count);
    return count;
  }
  bool Write(std::string_view bytes) noexcept override {
    benchmark::DoNotOptimize(bytes.data());
    return true;
  }

 private:
  std::string_view lines_;
};

void Serve(benchmark::State& state) {
  std::string lines = "new 5\n";
  for (std::size_t i = 0; i < kPuts; ++i) {
    dkv20::AppendOp(PutAt(i), lines);
    lines += '\n';
  }
  for (auto _ : state) {
    Pipe pipe(lines);
    benchmark::DoNotOptimize(dkv20::Serve(pipe, pipe));
  }
}
BENCHMARK(Serve)->Name("Serve/puts");

// The same puts, proposed without lines.
void ProposePuts(benchmark::State& state) {
  std::vector<Op> ops;
  for (std::size_t i = 0; i < kPuts; ++i) ops.push_back(PutAt(i));
  for (auto _ : state) {
    Cluster cluster = MakeCluster();
    for (const Op& op : ops) benchmark::DoNotOptimize(cluster.Propose(op));
  }
}
BENCHMARK(ProposePuts)->Name("Propose/puts");

void Chaos(benchmark::State& state) {
  for (auto _ : state) {
    dkv20::Session session;
    std::string answer;
    session.RunLine("new 5", answer);
    session.RunLine("chaos 1 " + std::to_string(Scaled(Argument(state))), answer);
    benchmark::DoNotOptimize(answer);
  }
}
BENCHMARK(Chaos)->ArgName("steps")->Arg(1000000);

// --- How cost grows -----------------------------------------------------------------

// Three decades of entries in the log and of keys, which are as many.
void Decades(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("n")->Arg(1000)->Arg(10000)->Arg(100000)->Arg(1000000);
}

// A cluster of that size.
Cluster MakeGrownCluster(std::size_t n) {
  Cluster cluster = MakeCluster();
  for (std::size_t i = 0; i < n; ++i) benchmark::DoNotOptimize(cluster.Propose(Ops(n)[i]));
  return cluster;
}

void GrowthPropose(benchmark::State& state) {
  const std::size_t n = Scaled(Argument(state));
  Cluster cluster = MakeGrownCluster(n);
  for (auto _ : state) ProposeMissed(Ops(n), cluster);
}
BENCHMARK(GrowthPropose)->Apply(Decades);

void GrowthHeal(benchmark::State& state) {
  const std::size_t n = Scaled(Argument(state));
  TimeHeals(state, Ops(n), MakeGrownCluster(n));
}
BENCHMARK(GrowthHeal)->Apply(Decades);

// All five replicas drop their logs: each entry must go once.
void GrowthCompact(benchmark::State& state) {
  const std::size_t n = Scaled(Argument(state));
  Cluster cluster = MakeGrownCluster(n);
  for (auto _ : state) {
    cluster.Compact();
    state.PauseTiming();
    cluster = MakeGrownCluster(n);
    state.ResumeTiming();
  }
}
BENCHMARK(GrowthCompact)->Apply(Decades);

BENCHMARK(Dump)->Name("GrowthDump")->Apply(Decades);

}  // namespace

int main(int argc, char** argv) {
  // One run each, before the arguments so that they can ask for something else.
  std::string once = "--benchmark_min_time=0";
  std::vector<char*> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, once.data());
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
