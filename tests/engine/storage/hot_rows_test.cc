#include "engine/storage/hot_rows.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nearhit {
namespace {

constexpr std::size_t kRoom = std::size_t{1} << 20;

std::optional<std::string> Found(HotRows* rows, std::string_view key,
                                 Family family = Family::kPayloads) {
  std::string row;
  HotRows::Ticket ticket = 0;
  return rows->Find(family, key, &row, &ticket) ? std::optional(row) : std::nullopt;
}

// What a reader does, who finds the row in storage when it is not here.
void Read(HotRows* rows, std::string_view key, std::string_view row,
          Family family = Family::kPayloads) {
  std::string unused;
  HotRows::Ticket ticket = 0;
  if (!rows->Find(family, key, &unused, &ticket)) {
    rows->Offer(ticket, family, key, row);
  }
}

void Keep(HotRows* rows, std::string_view key, std::string_view row,
          Family family = Family::kPayloads) {
  Read(rows, key, row, family);
  Read(rows, key, row, family);
}

TEST(HotRowsTest, FindsWhatWasKept) {
  HotRows rows(kRoom);
  EXPECT_EQ(Found(&rows, "a"), std::nullopt);
  Keep(&rows, "a", "one");
  Keep(&rows, "b", "");
  EXPECT_EQ(Found(&rows, "a"), "one");
  EXPECT_EQ(Found(&rows, "b"), "");
  EXPECT_EQ(Found(&rows, "c"), std::nullopt);
  EXPECT_EQ(rows.size(), 2U);
}

TEST(HotRowsTest, FamiliesAreApart) {
  HotRows rows(kRoom);
  Keep(&rows, "a", "payload", Family::kPayloads);
  EXPECT_EQ(Found(&rows, "a", Family::kVectors), std::nullopt);
  Keep(&rows, "a", "vector", Family::kVectors);
  EXPECT_EQ(Found(&rows, "a", Family::kPayloads), "payload");
  rows.Erase(Family::kPayloads, "a");
  EXPECT_EQ(Found(&rows, "a", Family::kVectors), "vector");
}

TEST(HotRowsTest, ErasedRowsAreGone) {
  HotRows rows(kRoom);
  Keep(&rows, "a", "one");
  rows.Erase(Family::kPayloads, "a");
  EXPECT_EQ(Found(&rows, "a"), std::nullopt);
  EXPECT_EQ(rows.memory_bytes(), 0U);
  Keep(&rows, "a", "two");
  EXPECT_EQ(Found(&rows, "a"), "two");
}

TEST(HotRowsTest, RowsOfAPrefixAreErased) {
  HotRows rows(kRoom);
  Keep(&rows, "ab", "one");
  Keep(&rows, "abc", "two", Family::kVectors);
  Keep(&rows, "b", "three");
  std::string row;
  HotRows::Ticket ticket = 0;
  Read(&rows, "abd", "old");
  ASSERT_FALSE(rows.Find(Family::kPayloads, "abd", &row, &ticket));
  rows.ErasePrefix("ab");
  rows.Offer(ticket, Family::kPayloads, "abd", "old");
  EXPECT_EQ(rows.size(), 1U);
  EXPECT_EQ(Found(&rows, "b"), "three");
}

// A reader takes its ticket and reads the old row of storage; the writer writes the new one and
// erases; only then the reader offers.
TEST(HotRowsTest, ARowReadBeforeAWriteIsNotKept) {
  HotRows rows(kRoom);
  std::string row;
  HotRows::Ticket ticket = 0;
  Read(&rows, "a", "old");  // so that the next offer would be taken
  ASSERT_FALSE(rows.Find(Family::kPayloads, "a", &row, &ticket));
  rows.Erase(Family::kPayloads, "a");
  rows.Offer(ticket, Family::kPayloads, "a", "old");
  EXPECT_EQ(Found(&rows, "a"), std::nullopt);
}

TEST(HotRowsTest, RowsThatAreReadOnceAreNotKept) {
  HotRows rows(kRoom);
  const std::string row(1'000, 'r');
  for (int i = 0; i < 600; ++i) {
    Keep(&rows, "read again " + std::to_string(i), row);
  }
  const std::size_t kept = rows.size();
  EXPECT_GT(kept, 500U);
  for (int i = 0; i < 20'000; ++i) {
    Read(&rows, "read once " + std::to_string(i), row);
  }
  std::size_t still = 0;
  for (int i = 0; i < 600; ++i) {
    still += Found(&rows, "read again " + std::to_string(i)) ? 1U : 0U;
  }
  EXPECT_GT(still, kept * 9 / 10);  // some of those read once look like one before
}

TEST(HotRowsTest, StaysInsideItsBytesAndKeepsWhatIsAskedFor) {
  HotRows rows(kRoom);
  const std::string row(1'000, 'r');
  for (int i = 0; i < 5'000; ++i) {
    Keep(&rows, "passing " + std::to_string(i), row);
    Keep(&rows, "asked for", row);
    EXPECT_EQ(Found(&rows, "asked for"), row);
  }
  EXPECT_LE(rows.memory_bytes(), kRoom);
  EXPECT_GT(rows.memory_bytes(), kRoom / 2);
  std::size_t hits = 0;
  for (int i = 0; i < 100; ++i) {
    hits += Found(&rows, "asked for") ? 1U : 0U;
    Keep(&rows, "passing again " + std::to_string(i), row);
  }
  EXPECT_EQ(hits, 100U);
}

TEST(HotRowsTest, LargeRowsAndNoRoomKeepNothing) {
  HotRows rows(kRoom * 64);
  Keep(&rows, "large", std::string(HotRows::kMaxRowBytes + 1, 'r'));
  EXPECT_EQ(rows.size(), 0U);
  Keep(&rows, "just small enough", std::string(HotRows::kMaxRowBytes, 'r'));
  EXPECT_EQ(rows.size(), 1U);
  HotRows none(0);
  Keep(&none, "a", "one");
  EXPECT_EQ(none.size(), 0U);
}

// Storage here is a number that only grows: no reader may see a smaller one than was written and
// erased before it asked.
TEST(HotRowsTest, ReadersNeverSeeWhatWasOverwritten) {
  HotRows rows(kRoom);
  std::atomic<int> stored{0};
  std::atomic<int> acknowledged{0};
  std::atomic<int> stale{0};
  std::vector<std::thread> readers;
  readers.reserve(2);
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (acknowledged.load() < 2'000) {
        const int least = acknowledged.load();
        std::string row;
        HotRows::Ticket ticket = 0;
        if (rows.Find(Family::kPayloads, "a", &row, &ticket)) {
          stale += std::stoi(row) < least ? 1 : 0;
        } else {
          const std::string read = std::to_string(stored.load());
          std::this_thread::yield();
          rows.Offer(ticket, Family::kPayloads, "a", read);
        }
      }
    });
  }
  for (int i = 1; i <= 2'000; ++i) {
    stored = i;
    rows.Erase(Family::kPayloads, "a");
    acknowledged = i;
    std::this_thread::yield();
  }
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(stale.load(), 0);
}

}  // namespace
}  // namespace nearhit
