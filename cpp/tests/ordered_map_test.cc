#include "ordered_map.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "dkv20/limits.h"
#include "dkv20/workload.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Random;
using testing::Repeated;
using testing::Str;
using Plain = std::map<ByteString, ByteString>;

void ExpectSame(const OrderedMap& map, const Plain& plain) {
  ASSERT_EQ(map.size(), plain.size());
  auto expected = plain.begin();
  std::size_t byte_count = 0;
  map.ForEach([&](const ByteString& key, const ByteString& value) {
    ASSERT_TRUE(expected != plain.end());
    ASSERT_EQ(key, expected->first);
    ASSERT_EQ(value, expected->second);
    byte_count += key.size() + value.size();
    ++expected;
  });
  ASSERT_TRUE(expected == plain.end());
  ASSERT_EQ(map.byte_count(), byte_count);
}

TEST(OrderedMap, Empty) {
  OrderedMap map;
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.Get(Str("a")), nullptr);
  EXPECT_FALSE(map.Remove(Str("a")));
  ExpectSame(map, {});
}

// Grows to thousands of keys and shrinks to none, with varying shares of puts and removals.
TEST(OrderedMap, AgreesWithStdMap) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Random random(seed);
    OrderedMap map;
    Plain plain;
    const std::uint64_t keys = std::vector<std::uint64_t>{40, 300, 5000}[seed % 3];
    for (int i = 0; i < 60000; ++i) {
      const std::uint64_t deletes = (i / 10000) % 2 == 0 ? 2 : 8;
      const ByteString key = random.OneIn(20)
                                 ? Repeated(static_cast<std::size_t>(1 + random.Below(40)), 'k')
                                 : DecodeKey(random.Below(keys), keys).value();
      if (random.Below(10) < deletes) {
        ASSERT_EQ(map.Remove(key), plain.erase(key) == 1);
      } else {
        const ByteString value = Repeated(static_cast<std::size_t>(random.Below(30)));
        map.Put(key, value);
        plain[key] = value;
      }
      const ByteString* found = map.Get(key);
      ASSERT_EQ(found != nullptr, plain.contains(key));
      if (found != nullptr) {
        ASSERT_EQ(*found, plain[key]);
      }
      if (i % 5000 == 0) ExpectSame(map, plain);
    }
    ExpectSame(map, plain);
    const OrderedMap copy = map;
    while (!plain.empty()) {
      auto victim = plain.lower_bound(DecodeKey(random.Any(), keys).value());
      if (victim == plain.end()) victim = plain.begin();
      ASSERT_TRUE(map.Remove(victim->first));
      plain.erase(victim);
    }
    ExpectSame(map, {});
    EXPECT_GT(copy.size(), 0U);
    for (std::uint64_t i = 0; i < 100; ++i) map.Put(DecodeKey(i, 1000).value(), Str(""));
    EXPECT_EQ(map.size(), 100U);
  }
}

TEST(OrderedMap, AscendingAndDescending) {
  for (const bool ascending : {true, false}) {
    OrderedMap map;
    Plain plain;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const ByteString key = DecodeKey(ascending ? i : 20000 - i, kKeysMax).value();
      map.Put(key, Str("v"));
      plain[key] = Str("v");
    }
    ExpectSame(map, plain);
    for (std::uint64_t i = 0; i < 20000; i += 1 + i % 2) {
      const ByteString key = DecodeKey(ascending ? i : 20000 - i, kKeysMax).value();
      ASSERT_EQ(map.Remove(key), plain.erase(key) == 1);
    }
    ExpectSame(map, plain);
  }
}

TEST(OrderedMap, KeysAreUnsignedBytes) {
  const std::vector<ByteString> ordered = {
      Str({0x00}),       Str({0x00, 0x00}), Str({0x00, 0xff}), Str({0x61}), Str({0x61, 0x00}),
      Str({0x61, 0x61}), Str({0x7f}),       Str({0x7f, 0xff}), Str({0x80}), Str({0x80, 0x00}),
      Str({0xc3, 0x28}), Str({0xff}),       Str({0xff, 0xff})};
  OrderedMap map;
  for (std::size_t i = 0; i < ordered.size(); ++i)
    map.Put(ordered[i * 5 % ordered.size()], Str(""));
  std::vector<ByteString> keys;
  map.ForEach([&](const ByteString& key, const ByteString&) { keys.push_back(key); });
  EXPECT_EQ(keys, ordered);
}

TEST(OrderedMap, CopiesAreIndependent) {
  OrderedMap map;
  for (std::uint64_t i = 0; i < 1000; ++i) map.Put(DecodeKey(i, 1000).value(), Repeated(30));
  OrderedMap copy = map;
  map.Put(Str("new"), Str(""));
  copy.Remove(DecodeKey(5, 1000).value());
  EXPECT_EQ(map.size(), 1001U);
  EXPECT_EQ(copy.size(), 999U);
  EXPECT_NE(map.Get(DecodeKey(5, 1000).value()), nullptr);
}

}  // namespace
}  // namespace dkv20
