// The generator that workloads and chaos draw from (definition, section 6).

#ifndef DKV20_SPLITMIX64_H_
#define DKV20_SPLITMIX64_H_

#include <cstdint>

namespace dkv20 {

// Returns splitmix64's output for the state `z`. All arithmetic is modulo 2^64.
[[nodiscard]] constexpr std::uint64_t Mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

// A sequence of 64-bit numbers, determined by its seed.
class SplitMix64 {
 public:
  // Any seed is valid, 0 included.
  explicit constexpr SplitMix64(std::uint64_t seed) noexcept : state_(seed) {}

  // Returns the next number. Each call is one draw.
  constexpr std::uint64_t Next() noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    return Mix(state_);
  }

 private:
  std::uint64_t state_;
};

// The first output from seed 1234567 (section 6), checked when the header is compiled.
static_assert(SplitMix64(1234567).Next() == 6457827717110365317U);

}  // namespace dkv20

#endif  // DKV20_SPLITMIX64_H_
