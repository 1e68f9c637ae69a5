// How fast the library is, beside what one would compare it with.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/byte_string.h"
#include "dkv20/cluster.h"
#include "dkv20/ordered_map.h"
#include "dkv20/session.h"
#include "dkv20/snapshot.h"
#include "dkv20/splitmix64.h"
#include "dkv20/workload.h"

namespace {

using dkv20::ByteString;
using dkv20::Cluster;
using dkv20::Op;
using dkv20::OrderedMap;
using dkv20::SplitMix64;
using PlainMap = std::map<std::string, std::string>;

constexpr std::uint64_t kKeys = 10000;
constexpr std::size_t kReplicas = 5;

// Ops as the workload has them, made beforehand.
const std::vector<Op>& Ops() {
  static const std::vector<Op> ops = [] {
    SplitMix64 draws(1);
    std::vector<Op> made;
    for (int i = 0; i < 1000000; ++i) made.push_back(dkv20::DrawOp(draws, kKeys));
    return made;
  }();
  return ops;
}

std::string ToString(const ByteString& bytes) {
  return {bytes.data(), bytes.data() + bytes.size()};
}

void ApplyPlainly(const Op& op, PlainMap& map) {
  if (op.kind() == dkv20::OpKind::kPut) {
    map.insert_or_assign(ToString(op.key()), ToString(op.value()));
  } else if (op.kind() == dkv20::OpKind::kDel) {
    map.erase(ToString(op.key()));
  }
}

// Five replicas: each op goes through the log, replication and commit.
void BM_ProposeFiveReplicas(benchmark::State& state) {
  const std::vector<Op>& ops = Ops();
  for (auto _ : state) {
    Cluster cluster = std::move(Cluster::New(kReplicas).value());
    for (const Op& op : ops) benchmark::DoNotOptimize(cluster.Propose(op));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ops.size()));
}
BENCHMARK(BM_ProposeFiveReplicas)->Unit(benchmark::kMillisecond);

// The same ops applied to five plain ordered maps: no log, no cluster.
void BM_FivePlainMaps(benchmark::State& state) {
  const std::vector<Op>& ops = Ops();
  for (auto _ : state) {
    std::array<PlainMap, kReplicas> maps;
    for (const Op& op : ops) {
      for (PlainMap& map : maps) ApplyPlainly(op, map);
    }
    benchmark::DoNotOptimize(maps);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ops.size()));
}
BENCHMARK(BM_FivePlainMaps)->Unit(benchmark::kMillisecond);

// A million keys, put in random order.
const OrderedMap& LargeMap() {
  static const OrderedMap map = [] {
    std::vector<std::uint64_t> order(dkv20::kKeysMax);
    std::iota(order.begin(), order.end(), 0);
    SplitMix64 draws(2);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draws.Next() % i]);
    OrderedMap filled;
    for (const std::uint64_t i : order) {
      filled.Put(dkv20::WorkloadKey(i, dkv20::kKeysMax), ByteString(std::string_view("12345678")));
    }
    return filled;
  }();
  return map;
}

void BM_DumpStateMillionKeys(benchmark::State& state) {
  const OrderedMap& map = LargeMap();
  std::size_t size = 0;
  for (auto _ : state) {
    const dkv20::Bytes bytes = dkv20::DumpState(dkv20::kKeysMax, 1, map);
    size = bytes.size();
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(BM_DumpStateMillionKeys)->Unit(benchmark::kMillisecond);

// As many bytes copied into fresh memory, as a dump's are.
void BM_MemcpyOfDump(benchmark::State& state) {
  const dkv20::Bytes bytes = dkv20::DumpState(dkv20::kKeysMax, 1, LargeMap());
  for (auto _ : state) {
    const dkv20::Bytes copy(bytes);
    benchmark::DoNotOptimize(copy.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_MemcpyOfDump)->Unit(benchmark::kMillisecond);

// The same into memory that is there already.
void BM_MemcpyOfDumpWarm(benchmark::State& state) {
  const dkv20::Bytes bytes = dkv20::DumpState(dkv20::kKeysMax, 1, LargeMap());
  dkv20::Bytes copy(bytes.size());
  for (auto _ : state) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_MemcpyOfDumpWarm)->Unit(benchmark::kMillisecond);

void BM_SnapshotHashMillionKeys(benchmark::State& state) {
  const OrderedMap& map = LargeMap();
  for (auto _ : state) benchmark::DoNotOptimize(dkv20::SnapshotHash(dkv20::kKeysMax, 1, map));
}
BENCHMARK(BM_SnapshotHashMillionKeys)->Unit(benchmark::kMillisecond);

void BM_LoadStateMillionKeys(benchmark::State& state) {
  const dkv20::Bytes bytes = dkv20::DumpState(dkv20::kKeysMax, 1, LargeMap());
  for (auto _ : state) benchmark::DoNotOptimize(dkv20::LoadState(bytes).ok());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(BM_LoadStateMillionKeys)->Unit(benchmark::kMillisecond);

// One line a time through a session, parsed and answered.
void BM_SessionPut(benchmark::State& state) {
  dkv20::Session session;
  std::string answer;
  session.Run("new 5", answer);
  for (auto _ : state) {
    answer.clear();
    session.Run("put 0x6b65792d303030303031 0x0102030405060708", answer);
    benchmark::DoNotOptimize(answer);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SessionPut);

void BM_ChaosStep(benchmark::State& state) {
  constexpr std::int64_t kSteps = 100000;
  for (auto _ : state) {
    dkv20::Session session;
    std::string answer;
    session.Run("new 5", answer);
    session.Run("chaos 1 100000", answer);
    benchmark::DoNotOptimize(answer);
  }
  state.SetItemsProcessed(state.iterations() * kSteps);
}
BENCHMARK(BM_ChaosStep)->Unit(benchmark::kMillisecond);

// Catching up after one missed entry must cost the same behind a long log as behind a short one.
void BM_CatchUpOneEntry(benchmark::State& state) {
  Cluster cluster = std::move(Cluster::New(kReplicas).value());
  const Op op = Op::Put(ByteString(std::string_view("k")), ByteString(std::string_view("v")));
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    benchmark::DoNotOptimize(cluster.Propose(op));
  }
  for (auto _ : state) {
    cluster.Partition({4});
    benchmark::DoNotOptimize(cluster.Propose(op));
    cluster.Heal();
  }
}
BENCHMARK(BM_CatchUpOneEntry)->Arg(1000)->Arg(1000000);

}  // namespace
