#include "dkv20/workload.h"

#include <array>
#include <cstddef>
#include <utility>

#include "dkv20/limits.h"

namespace dkv20 {
namespace {

// All bytes as u64, little-endian.
ByteString DecodeValue(std::uint64_t r3) noexcept {
  std::array<std::uint8_t, 8> value{};
  for (unsigned i = 0; i < 8; ++i) value[i] = static_cast<std::uint8_t>(r3 % 10000 >> (8 * i));
  return ByteString(value);
}

Status CheckKeys(std::uint64_t keys) noexcept {
  if (keys < 1 || keys > kKeysMax) return ErrorCode::kKeySpace;
  return {};
}

}  // namespace

Result<ByteString> DecodeKey(std::uint64_t r2, std::uint64_t keys) noexcept {
  if (const Status status = CheckKeys(keys); !status.ok()) return status.code();
  std::array<std::uint8_t, 10> key = {'k', 'e', 'y', '-', '0', '0', '0', '0', '0', '0'};
  std::uint64_t number = r2 % keys;
  for (std::size_t i = key.size(); number > 0; number /= 10) {
    key[--i] = static_cast<std::uint8_t>('0' + number % 10);
  }
  return ByteString(key);
}

Result<Op> DecodeOp(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3,
                    std::uint64_t keys) noexcept {
  Result<ByteString> key = DecodeKey(r2, keys);
  if (!key.ok()) return key.error();
  if (r1 >> 62 == 3) return Op::Del(std::move(key).value());
  return Op::Put(std::move(key).value(), DecodeValue(r3));
}

Result<Op> DrawOp(SplitMix64& draws, std::uint64_t keys) noexcept {
  // One statement per draw: arguments are evaluated in an unspecified order.
  const std::uint64_t r1 = draws.Next();
  const std::uint64_t r2 = draws.Next();
  const std::uint64_t r3 = draws.Next();
  return DecodeOp(r1, r2, r3, keys);
}

Result<WorkloadCounts> RunWorkload(Cluster& cluster, std::uint64_t seed, std::uint64_t keys,
                                   std::uint64_t count) noexcept {
  if (const Status status = CheckKeys(keys); !status.ok()) return status.code();
  if (count > kWorkloadCountMax) return ErrorCode::kCount;
  SplitMix64 draws(seed);
  WorkloadCounts counts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Result<Outcome> outcome = cluster.Propose(DrawOp(draws, keys).value());
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
