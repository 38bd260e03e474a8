#include "engine/policy/lessons.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/policy/verifier.h"

namespace nearhit {
namespace {

constexpr std::size_t kCosine = 0;
// Of a domain in which it tells all, unlike in the pairs that the verifier was fitted on.
constexpr std::size_t kTelling = 24;
static_assert(kPairFeatureNames[kTelling] == "question_what");

// Requests of a domain; those with something near have a pair.
class Domain {
 public:
  explicit Domain(unsigned seed) : random_(seed) {}

  // One in two requests has something near.
  std::vector<JudgedPair> Requests(std::size_t count, LabelSource source = LabelSource::kReview) {
    std::vector<JudgedPair> pairs;
    for (std::size_t i = 0; i < count; ++i) {
      if (uniform_(random_) < .5) {
        pairs.push_back(Pair(source));
      }
    }
    return pairs;
  }
  JudgedPair Pair(LabelSource source) {
    JudgedPair pair;
    const bool telling = uniform_(random_) < .4;
    pair.features[kCosine] = .75F + .25F * static_cast<float>(uniform_(random_));
    pair.features[kTelling] = telling ? 1 : 0;
    pair.serves = uniform_(random_) < (telling ? .25 : .97);
    pair.entry = {.low = random_(), .high = random_()};
    pair.requests = 2;
    pair.source = source;
    return pair;
  }

 private:
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_;
};

std::shared_ptr<const Lessons> Learn(const std::vector<JudgedPair>& pairs,
                                     const Lessons* before = nullptr) {
  return Lessons::Learn(pairs, GuardSet::All(), pairs.size(), before);
}

// The share of `requests` requests that are served wrongly.
double WrongShare(const Lessons& lessons, float least, const std::vector<JudgedPair>& pairs,
                  double requests, double* hits = nullptr) {
  double wrong = 0;
  double served = 0;
  for (const JudgedPair& pair : pairs) {
    if (lessons.model().Score(pair.features) >= least) {
      ++served;
      wrong += pair.serves ? 0 : 1;
    }
  }
  if (hits != nullptr) {
    *hits = served / requests;
  }
  return wrong / requests;
}

TEST(LessonsTest, NothingIsLearntOfNothing) {
  const auto lessons = Learn({});
  EXPECT_FALSE(lessons->fitted());
  EXPECT_FALSE(lessons->LeastScore(.1F, 0));
  EXPECT_EQ(lessons->NoLaxerThan(1.5F, .01F, 0), 1.5F);
  EXPECT_EQ(lessons->CorrectionOf({.low = 1, .high = 2}), 0);
  EXPECT_EQ(lessons->FromScore(0, 0).wrong, 0);
  EXPECT_EQ(lessons->model().weights, Verifier::Shared().model().weights);
}

TEST(LessonsTest, FitsWhatTellsInThisDomain) {
  Domain domain(1);
  const std::vector<JudgedPair> labels = domain.Requests(800);
  const auto lessons = Learn(labels);
  ASSERT_TRUE(lessons->fitted());
  EXPECT_LT(lessons->model().weights[kTelling], -1);
  const auto few = Learn({labels.begin(), labels.begin() + 50});
  EXPECT_FALSE(few->fitted());
}

TEST(LessonsTest, KeepsTheBudgetOnRequestsThatItHasNotSeen) {
  constexpr float kBudget = .02F;
  Domain domain(2);
  const std::vector<JudgedPair> others = domain.Requests(40'000);
  int over = 0;
  double hits = 0;
  constexpr int kDraws = 40;
  for (int draw = 0; draw < kDraws; ++draw) {
    const auto lessons = Learn(domain.Requests(400));
    const std::optional<float> least = lessons->LeastScore(kBudget, 0);
    ASSERT_TRUE(least);
    double served = 0;
    over += WrongShare(*lessons, *least, others, 40'000, &served) > kBudget * 1.25 ? 1 : 0;
    hits += served / kDraws;
  }
  EXPECT_LE(over, kDraws / 8);
  EXPECT_GT(hits, .2);  // 30 % of the requests could be served with 1 % of them wrong
}

TEST(LessonsTest, TooFewLabelsProveNothing) {
  Domain domain(3);
  std::vector<JudgedPair> labels(75, domain.Pair(LabelSource::kReview));
  for (JudgedPair& pair : labels) {
    pair.serves = true;
  }
  EXPECT_FALSE(Learn(labels)->LeastScore(.01F, 0));  // none of 150: under 1.07 %
  EXPECT_TRUE(Learn(labels)->LeastScore(.02F, 0));
}

TEST(LessonsTest, LabelsThatAreNoSampleProveNothing) {
  Domain domain(4);
  std::vector<JudgedPair> labels = domain.Requests(2'000);
  for (JudgedPair& pair : labels) {
    pair.requests = 0;
  }
  const auto lessons = Learn(labels);
  EXPECT_TRUE(lessons->fitted());
  EXPECT_FALSE(lessons->LeastScore(.1F, 0));
}

TEST(LessonsTest, LabelsCanDisproveACalibration) {
  Domain domain(5);
  std::vector<JudgedPair> labels = domain.Requests(60);
  for (JudgedPair& pair : labels) {
    pair.serves = false;
  }
  const auto lessons = Learn(labels);
  EXPECT_FALSE(lessons->LeastScore(.01F, 0));
  EXPECT_GT(lessons->NoLaxerThan(-4, .01F, 0), -4);
  EXPECT_LE(lessons->FromScore(lessons->NoLaxerThan(-4, .01F, 0), 0).wrong_low, .01F);
}

TEST(LessonsTest, JudgesThatErrLeaveLessOfTheBudget) {
  Domain domain(6);
  std::vector<JudgedPair> labels = domain.Requests(3'000, LabelSource::kReview);
  const float reviewed = *Learn(labels)->LeastScore(.02F, 0);
  const float wrong = Learn(labels)->FromScore(0, 0).wrong;
  for (JudgedPair& pair : labels) {
    pair.source = LabelSource::kJudge;
  }
  EXPECT_GE(*Learn(labels)->LeastScore(.02F, 0), reviewed);
  EXPECT_NEAR(Learn(labels)->FromScore(0, 0).wrong, wrong / .9, 1e-4);
}

TEST(LessonsTest, FeedbackLowersAnEntryAndMovesNothingElse) {
  Domain domain(7);
  std::vector<JudgedPair> labels = domain.Requests(1'000);
  const auto before = Learn(labels);
  JudgedPair marked = domain.Pair(LabelSource::kFeedback);
  marked.features = {};
  marked.features[kCosine] = 1;
  marked.serves = false;
  for (int i = 0; i < 10'000; ++i) {  // of one principal
    labels.push_back(marked);
  }
  const auto after = Learn(labels);
  EXPECT_EQ(after->model().weights, before->model().weights);
  EXPECT_EQ(after->LeastScore(.02F, 0), before->LeastScore(.02F, 0));
  EXPECT_EQ(after->Requests(0), before->Requests(0));
  const float once = after->CorrectionOf(marked.entry);
  EXPECT_LT(once, 0);
  EXPECT_GT(once, -3);
  marked.principal = 1;
  labels.push_back(marked);
  EXPECT_LT(Learn(labels)->CorrectionOf(marked.entry), once);
  marked.serves = true;
  labels.push_back(marked);  // it has changed its mind
  EXPECT_EQ(Learn(labels)->CorrectionOf(marked.entry), once);
}

TEST(LessonsTest, TrustedLabelsCorrectBothWays) {
  Domain domain(8);
  JudgedPair pair = domain.Pair(LabelSource::kJudge);
  pair.serves = true;
  EXPECT_GT(Learn({pair})->CorrectionOf(pair.entry), 0);
  pair.serves = false;
  EXPECT_LT(Learn({pair})->CorrectionOf(pair.entry), 0);
}

TEST(LessonsTest, PairsThatAGuardRefusesAreRequestsThatAreNotServed) {
  Domain domain(9);
  std::vector<JudgedPair> labels = domain.Requests(1'000);
  const auto before = Learn(labels);
  JudgedPair refused = domain.Pair(LabelSource::kReview);
  refused.serves = false;
  refused.conflicts.Add(Guard::kNumber);
  for (int i = 0; i < 100; ++i) {
    labels.push_back(refused);
  }
  const auto after = Learn(labels);
  EXPECT_EQ(after->Requests(0), before->Requests(0) + 200);
  EXPECT_LT(after->FromScore(-9, 0).wrong, before->FromScore(-9, 0).wrong);
  EXPECT_EQ(after->wrong_refused(Guard::kNumber), 100U);
  EXPECT_EQ(after->right_refused(Guard::kNumber), 0U);
  const auto unguarded = Lessons::Learn(labels, GuardSet(), 0, nullptr);
  EXPECT_GT(unguarded->FromScore(-9, 0).wrong, after->FromScore(-9, 0).wrong);
}

TEST(LessonsTest, SamplesOfTheTrafficStandForWhatItIsNow) {
  Domain domain(11);
  std::vector<JudgedPair> labels = domain.Requests(1'000);
  for (JudgedPair& pair : labels) {
    pair.of_traffic = true;
  }
  const auto lessons = Learn(labels);
  const auto samples = static_cast<double>(labels.size());
  EXPECT_DOUBLE_EQ(lessons->Requests(0), 2 * samples);
  EXPECT_DOUBLE_EQ(lessons->Requests(1), samples);
  EXPECT_DOUBLE_EQ(lessons->Requests(4), 2 * samples);  // and nobody's garbage loosens it
  EXPECT_GT(*lessons->LeastScore(.02F, 1), *lessons->LeastScore(.02F, 4));
}

TEST(LessonsTest, NothingIsProvenOfWhatWasNotDrawn) {
  Domain domain(12);
  std::vector<JudgedPair> labels = domain.Requests(1'000);
  for (JudgedPair& pair : labels) {
    pair.frame_cosine = .8F;
    pair.frame_guards.Add(Guard::kNumber);
  }
  labels[3].frame_cosine = .95F;
  EXPECT_EQ(Learn(labels)->least_cosine(), .95F);
  EXPECT_TRUE(Learn(labels)->LeastScore(.05F, 0));
  // The guard is switched off: pairs that it refuses are served now, and none was in the sample.
  const auto unguarded = Lessons::Learn(labels, GuardSet(), 0, nullptr);
  EXPECT_FALSE(unguarded->LeastScore(.05F, 0));
  EXPECT_EQ(unguarded->Requests(0), 0);
}

TEST(LessonsTest, FeedbackChangesNoSample) {
  Domain domain(13);
  std::vector<JudgedPair> labels = domain.Requests(1'000);
  const auto wrong = std::find_if(labels.begin(), labels.end(),
                                  [](const JudgedPair& pair) { return !pair.serves; });
  JudgedPair feedback = *wrong;
  feedback.source = LabelSource::kFeedback;
  feedback.requests = 0;
  const auto before = Learn(labels);
  labels.push_back(feedback);
  const auto after = Learn(labels);
  EXPECT_LT(after->CorrectionOf(feedback.entry), before->CorrectionOf(feedback.entry));
  for (const float score : {-2.0F, 0.0F, 2.0F}) {
    EXPECT_EQ(after->FromScore(score, 0).wrong, before->FromScore(score, 0).wrong);
  }
}

TEST(LessonsTest, LabelsThatReplaceOthersRefitAsWell) {
  Domain domain(14);
  const std::vector<JudgedPair> old = domain.Requests(1'000);
  const auto first = Lessons::Learn(old, GuardSet::All(), 1'000, nullptr);
  const std::vector<JudgedPair> others = domain.Requests(1'000);
  const std::vector<JudgedPair> fresh(
      others.begin(),
      others.begin() + static_cast<std::ptrdiff_t>(std::min(old.size(), others.size())));
  const auto same = Lessons::Learn(fresh, GuardSet::All(), 1'010, first.get());
  EXPECT_EQ(same->model().weights, first->model().weights);
  const auto next = Lessons::Learn(fresh, GuardSet::All(), 1'500, first.get());
  EXPECT_NE(next->model().weights, first->model().weights);
}

TEST(LessonsTest, ModelsServeUntilAFifthMoreLabelsAreThere) {
  Domain domain(10);
  std::vector<JudgedPair> labels = domain.Requests(1'000);
  const auto first = Learn(labels);
  const std::vector<JudgedPair> more = domain.Requests(100);
  labels.insert(labels.end(), more.begin(), more.end());
  const auto second = Learn(labels, first.get());
  EXPECT_EQ(second->model().weights, first->model().weights);
  EXPECT_GT(second->Requests(0), first->Requests(0));
  const std::vector<JudgedPair> many = domain.Requests(400);
  labels.insert(labels.end(), many.begin(), many.end());
  EXPECT_NE(Learn(labels, second.get())->model().weights, first->model().weights);
}

}  // namespace
}  // namespace nearhit
