// Hex digits, independent of the locale.

#ifndef DKV20_HEX_H_
#define DKV20_HEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dkv20 {

// Appends two lower-case digits for each byte.
inline void AppendHexDigits(std::span<const std::uint8_t> bytes, std::string& out) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::size_t at = out.size();
  out.resize(at + 2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    out[at++] = kDigits[byte >> 4];
    out[at++] = kDigits[byte & 15U];
  }
}

// Returns the value of a digit in either case, 16 for any other byte.
inline std::uint8_t HexDigitValue(char digit) noexcept {
  static constexpr auto kValues = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(16);
    for (std::uint8_t i = 0; i < 10; ++i) values[std::size_t{'0'} + i] = i;
    for (std::uint8_t i = 0; i < 6; ++i) {
      values[std::size_t{'a'} + i] = static_cast<std::uint8_t>(10 + i);
      values[std::size_t{'A'} + i] = static_cast<std::uint8_t>(10 + i);
    }
    return values;
  }();
  return kValues[static_cast<std::uint8_t>(digit)];
}

}  // namespace dkv20

#endif  // DKV20_HEX_H_
