#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/bad_lines.h"
#include "cli/import_sender.h"
#include "cli/output.h"
#include "cli/record_reader.h"
#include "cli/resume.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace nearhit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RecordReaderTest : public testing::Test {
 protected:
  RecordReader Open(const std::string& bytes, const RecordOptions& options) {
    path_ = dir_.path() / "input";
    std::ofstream(path_, std::ios::binary) << bytes;
    auto lines = LineReader::Open(path_, 1000);
    EXPECT_THAT(lines, IsOk());
    lines_ = std::move(lines).value();
    return {lines_.get(), options};
  }

  TempDir dir_;
  std::filesystem::path path_;
  std::unique_ptr<LineReader> lines_;
  ImportRecord record_;
};

TEST(BadLinesTest, WhatCannotBeWrittenToTheFileIsPrinted) {
  std::ostringstream err;
  BadLines bad;
  ASSERT_THAT(bad.Open("/dev/full", /*append=*/false, &err), IsOk());
  bad.Report(7, "too long");
  EXPECT_THAT(err.str(), HasSubstr("cannot be written"));
  for (std::uint64_t line = 8; line < 30; ++line) {
    bad.Report(line, "no text");
  }
  EXPECT_THAT(err.str(), HasSubstr("line 7: too long\nline 8: no text\n"));
  EXPECT_THAT(err.str(), HasSubstr("line 16: no text\nmore bad lines are not shown"));
  EXPECT_EQ(bad.count(), 23U);
}

constexpr std::chrono::milliseconds kNoPause{0};

// A server that takes at most three items at a time, and is away for a moment.
TEST(SendIsolatingTest, WhatIsTooMuchAtOnceIsHalved) {
  std::vector<std::size_t> sizes;
  SendOutcome outcome;
  std::vector<RejectedItem> rejected;
  const auto send = [&](std::size_t begin, std::size_t end, SendOutcome* out) {
    sizes.push_back(end - begin);
    if (end - begin > 3) {
      return ResourceExhausted("over the budget");
    }
    if (sizes.size() == 8) {
      return Unavailable("for a moment");
    }
    out->stored += end - begin;
    return Status();
  };
  EXPECT_THAT(SendIsolating(send, 10, &outcome, &rejected, kNoPause), IsOk());
  EXPECT_EQ(outcome.stored, 10U);
  EXPECT_THAT(rejected, testing::IsEmpty());
  // Six tries of the whole, which may have been a full queue, and one of each half.
  EXPECT_THAT(sizes, ElementsAre(10, 10, 10, 10, 10, 10, 5, 2, 2, 3, 5, 2, 3));
}

TEST(SendIsolatingTest, OneItemThatIsTooMuchIsAnError) {
  SendOutcome outcome;
  std::vector<RejectedItem> rejected;
  const auto send = [](std::size_t, std::size_t, SendOutcome*) {
    return ResourceExhausted("over the budget");
  };
  EXPECT_THAT(SendIsolating(send, 2, &outcome, &rejected, kNoPause),
              StatusIs(StatusCode::kResourceExhausted));
}

TEST_F(RecordReaderTest, MapsJsonAndSkipsBadLines) {
  RecordReader reader = Open(
      "{\"prompt\":\"p\",\"answer\":{\"a\":1},\"tags\":[\"x\",\"y\"],\"vector\":[1,2],\"ttl_ms\":5}"
      "\n"
      "\nnot "
      "json\n{\"prompt\":\"\"}\n{\"prompt\":\"q\",\"answer_base64\":\"/w==\",\"scope\":\"s\"}\n",
      {.scope = "default"});
  ASSERT_THAT(reader.Next(&record_), IsOkAndHolds(true));
  EXPECT_EQ(record_.text, "p");
  EXPECT_EQ(record_.answer, "{\"a\":1}");
  EXPECT_EQ(record_.scope, "default");
  EXPECT_THAT(record_.tags, ElementsAre("x", "y"));
  EXPECT_THAT(record_.vector, ElementsAre(1, 2));
  EXPECT_EQ(record_.ttl_ms, 5);
  EXPECT_THAT(reader.Next(&record_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("JSON")));
  EXPECT_EQ(record_.line, 3U);
  EXPECT_THAT(reader.Next(&record_), StatusIs(StatusCode::kInvalidArgument, HasSubstr("prompt")));
  ASSERT_THAT(reader.Next(&record_), IsOkAndHolds(true));
  EXPECT_EQ(record_.answer, "\xff");
  EXPECT_EQ(record_.scope, "s");
  EXPECT_EQ(record_.row, 4U);
  EXPECT_THAT(reader.Next(&record_), IsOkAndHolds(false));
}

TEST_F(RecordReaderTest, ReadsCsvAndGoesOnAfterALine) {
  RecordReader reader = Open("prompt,answer,tags\none,1,a; b\n\"two\nlines\",2,\nthree,3,\n",
                             {.format = ImportFormat::kCsv});
  reader.SkipThrough(2);
  ASSERT_THAT(reader.Next(&record_), IsOkAndHolds(true));
  EXPECT_EQ(record_.text, "two\nlines");
  EXPECT_EQ(record_.row, 1U);
  EXPECT_EQ(record_.line, 3U);
  EXPECT_EQ(record_.end_line, 4U);
}

TEST_F(RecordReaderTest, ExpandsTheAnswerOfLines) {
  RecordReader reader =
      Open("a\n", {.format = ImportFormat::kLines, .answer_template = "<{}> and {}"});
  ASSERT_THAT(reader.Next(&record_), IsOkAndHolds(true));
  EXPECT_EQ(record_.answer, "<a> and a");
}

TEST_F(RecordReaderTest, ReadsWhatExportWrites) {
  v1::Entry entry;
  entry.set_scope("\xfe");
  entry.set_slot("p");
  entry.set_answer(std::string("\0\xff", 2));
  entry.mutable_metadata()->set_model("m");
  entry.mutable_metadata()->add_tags("t");
  ImportRecord record;
  const std::string line = EntryToJson(entry, true).dump();
  const auto source = ParseJsonRecord(line);
  ASSERT_THAT(source, IsOk());
  ASSERT_THAT(RecordFromJson(*source, {}, &record), IsOk());
  v1::StoreItem item;
  RecordToItem(record, v1::DURABILITY_SYNC, &item);
  EXPECT_EQ(item.prompt().scope(), entry.scope());
  EXPECT_EQ(item.prompt().slot(), "p");
  EXPECT_EQ(item.answer(), entry.answer());
  EXPECT_EQ(item.metadata().model(), "m");
  EXPECT_THAT(item.metadata().tags(), ElementsAre("t"));
}

TEST_F(RecordReaderTest, KeepsResumeStateOfTheSameFileOnly) {
  Open("a\n", {});
  auto fresh = FreshResumeState(path_, "ns");
  ASSERT_THAT(fresh, IsOk());
  EXPECT_THAT(LoadResumeState(path_, *fresh), IsOkAndHolds(*fresh));
  ResumeState state = *fresh;
  state.line = 7;
  ASSERT_THAT(SaveResumeState(path_, state), IsOk());
  EXPECT_THAT(LoadResumeState(path_, *fresh), IsOkAndHolds(state));
  ResumeState other = *fresh;
  other.file_bytes = 99;
  EXPECT_THAT(LoadResumeState(path_, other), StatusIs(StatusCode::kFailedPrecondition));
  std::ofstream(ResumePath(path_)) << "{";
  EXPECT_THAT(LoadResumeState(path_, *fresh), StatusIs(StatusCode::kFailedPrecondition));
}

TEST(ImportSenderTest, FindsTheBadItemsOfABatch) {
  std::set<std::uint64_t> bad;
  ImportSender sender(3, [&](std::uint64_t line, const std::string&) { bad.insert(line); });
  for (std::uint64_t first = 0; first < 100; first += 10) {
    SendJob job;
    for (std::uint64_t i = 1; i <= 10; ++i) {
      job.lines.push_back(first + i);
    }
    job.end_line = first + 10;
    job.send = [lines = job.lines](std::size_t begin, std::size_t end,
                                   SendOutcome* outcome) -> Status {
      for (std::size_t i = begin; i < end; ++i) {
        if (lines[i] == 13 || lines[i] == 20) {
          return InvalidArgument("bad");
        }
      }
      outcome->stored += end - begin;
      return {};
    };
    ASSERT_THAT(sender.Submit(std::move(job)), IsOk());
  }
  EXPECT_THAT(sender.Finish(), IsOk());
  EXPECT_THAT(bad, ElementsAre(13, 20));
  EXPECT_EQ(sender.outcome().stored, 98U);
  EXPECT_EQ(sender.acknowledged_line(), 100U);
}

}  // namespace
}  // namespace nearhit
