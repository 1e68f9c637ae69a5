#include "dkv20/workload.h"

#include <utility>

#include "dkv20/check.h"

namespace dkv20 {
namespace {

constexpr std::string_view kKeyPrefix = "key-";
constexpr std::size_t kKeyDigits = 6;

ByteString WorkloadValue(std::uint64_t r3) noexcept {
  return ByteString::Build(8, [number = r3 % 10000](std::uint8_t* data) {
    for (unsigned i = 0; i < 8; ++i) data[i] = static_cast<std::uint8_t>(number >> (8 * i));
  });
}

}  // namespace

Op DecodeOp(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3, std::uint64_t keys) noexcept {
  ByteString key = WorkloadKey(r2, keys);
  if (r1 >> 62 == 3) return Op::Del(std::move(key));
  return Op::Put(std::move(key), WorkloadValue(r3));
}

Op DrawOp(SplitMix64& draws, std::uint64_t keys) noexcept {
  // One statement for each draw: the order in which arguments are evaluated is unspecified.
  const std::uint64_t r1 = draws.Next();
  const std::uint64_t r2 = draws.Next();
  const std::uint64_t r3 = draws.Next();
  return DecodeOp(r1, r2, r3, keys);
}

ByteString WorkloadKey(std::uint64_t r2, std::uint64_t keys) noexcept {
  DKV20_CHECK(keys >= 1 && keys <= kKeysMax);
  return ByteString::Build(kKeyPrefix.size() + kKeyDigits, [number = r2 % keys](auto* data) {
    std::uint64_t rest = number;
    std::memcpy(data, kKeyPrefix.data(), kKeyPrefix.size());
    for (std::size_t i = kKeyDigits; i > 0; --i) {
      data[kKeyPrefix.size() + i - 1] = static_cast<std::uint8_t>('0' + rest % 10);
      rest /= 10;
    }
  });
}

Result<WorkloadCounts> RunWorkload(Cluster& cluster, std::uint64_t seed, std::uint64_t keys,
                                   std::uint64_t count) noexcept {
  if (keys < 1 || keys > kKeysMax) return ErrorCode::kKeySpace;
  if (count > kCountMax) return ErrorCode::kCount;
  SplitMix64 draws(seed);
  WorkloadCounts counts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Result<Outcome> outcome = cluster.Propose(DrawOp(draws, keys));
    if (!outcome.ok()) {
      ++counts.refused;
    } else if (outcome.value().committed) {
      ++counts.committed;
    } else {
      ++counts.pending;
    }
  }
  return counts;
}

}  // namespace dkv20
