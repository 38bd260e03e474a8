#include "cli/import.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include "cli/bad_lines.h"
#include "cli/import_sender.h"
#include "cli/progress.h"
#include "cli/resume.h"
#include "formats/vector_file.h"

namespace nearhit {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;  // well inside the server's message limit

using SteadyClock = std::chrono::steady_clock;

std::size_t RoughBytes(const ImportRecord& record) {
  return record.text.size() + record.answer.size() + record.scope.size() +
         record.vector.size() * sizeof(float) + 64;
}

class Importer {
 public:
  Importer(const Client& client, ImportOptions options, std::ostream* err, ImportSummary* summary)
      : client_(client),
        options_(std::move(options)),
        err_(err),
        summary_(*summary),
        bar_(options_.progress ? err : nullptr) {}

  Status Run();

 private:
  // Notes that an error is about a file.
  Status FromInput(Status status) {
    summary_.input_error = summary_.input_error || !status.ok();
    return status;
  }
  // Creates the namespace when asked to, and checks that the vectors fit it.
  Status PrepareNamespace();
  Status ReadVectors();
  Status Open();
  Status ReadAll(ImportSender* sender);
  // Gives the record its row of the vector file. Errors: kInvalidArgument for a bad line.
  Status AttachVector(ImportRecord* record) const;
  Status Flush(ImportSender* sender);
  SendFunction MakeSend(std::vector<ImportRecord> batch) const;
  // Draws the progress and saves how far the server has acknowledged.
  Status Tick(const ImportSender& sender, bool last);

  const Client& client_;
  ImportOptions options_;
  std::ostream* err_;
  ImportSummary& summary_;
  ProgressBar bar_;
  BadLines bad_;
  std::unique_ptr<LineReader> lines_;
  std::unique_ptr<RecordReader> reader_;
  VectorMatrix matrix_;
  ResumeState state_;
  SteadyClock::time_point start_;
  SteadyClock::time_point saved_;
  std::uint64_t position_at_start_ = 0;
  bool first_read_ = true;
  bool has_vectors_ = false;  // the namespace

  std::vector<ImportRecord> batch_;
  std::size_t batch_bytes_ = 0;
};

Status Importer::PrepareNamespace() {
  if (options_.create) {
    v1::CreateNamespaceResponse response;
    options_.create->set_name(options_.name);
    v1::NamespaceConfig& config = *options_.create->mutable_config();
    if (config.dimension() == 0 && config.embedder().kind().empty()) {
      config.set_dimension(static_cast<std::uint32_t>(matrix_.dimension));
    }
    Status status = client_.Call(client_.admin(), &v1::Admin::Stub::CreateNamespace,
                                 *options_.create, &response);
    if (!status.ok() && status.code() != StatusCode::kAlreadyExists) {
      return status;
    }
  }
  v1::DescribeNamespaceRequest request;
  request.set_name(options_.name);
  v1::DescribeNamespaceResponse response;
  NEARHIT_RETURN_IF_ERROR(
      client_.Call(client_.admin(), &v1::Admin::Stub::DescribeNamespace, request, &response));
  const v1::NamespaceConfig& config = response.info().config();
  options_.records.vectors = config.kind() == v1::NAMESPACE_KIND_VECTORS;
  has_vectors_ = config.dimension() > 0;
  if (!options_.vector_file.empty() && matrix_.dimension != config.dimension()) {
    return FromInput(VectorsDoNotFit(options_.vector_file, matrix_.dimension, options_.name,
                                     config.dimension()));
  }
  return {};
}

Status Importer::Open() {
  NEARHIT_ASSIGN_OR_RETURN(lines_, LineReader::Open(options_.path, kMaxLineBytes));
  NEARHIT_RETURN_IF_ERROR(bad_.Open(options_.bad_lines, options_.resume, err_));
  options_.records.now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count();
  options_.records.vectors_beside = !options_.vector_file.empty();
  reader_ = std::make_unique<RecordReader>(lines_.get(), options_.records);
  if (options_.resume) {
    NEARHIT_ASSIGN_OR_RETURN(state_, FreshResumeState(options_.path, options_.name));
    NEARHIT_ASSIGN_OR_RETURN(state_, LoadResumeState(options_.path, state_));
    reader_->SkipThrough(state_.line);
  }
  return {};
}

Status Importer::AttachVector(ImportRecord* record) const {
  if (!options_.vector_file.empty()) {
    if (record->row >= matrix_.rows) {
      return InvalidArgument("the vector file has no row " + std::to_string(record->row));
    }
    const auto row = matrix_.row(record->row);
    record->vector.assign(row.begin(), row.end());
  }
  if (options_.records.vectors && record->vector.empty()) {
    return InvalidArgument("no vector");
  }
  return {};
}

SendFunction Importer::MakeSend(std::vector<ImportRecord> batch) const {
  const Client* client = &client_;
  if (options_.records.vectors) {
    auto items = std::make_shared<std::vector<v1::VectorItem>>(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      RecordToItem(std::move(batch[i]), &(*items)[i]);
    }
    return [client, items, name = options_.name, durability = options_.durability](
               std::size_t begin, std::size_t end, SendOutcome* outcome) -> Status {
      v1::UpsertRequest request;
      request.set_namespace_(name);
      request.set_durability(durability);
      for (std::size_t i = begin; i < end; ++i) {
        *request.add_items() = (*items)[i];
      }
      v1::UpsertResponse response;
      NEARHIT_RETURN_IF_ERROR(
          client->Call(client->vectors(), &v1::Vectors::Stub::Upsert, request, &response));
      outcome->stored += end - begin;
      return {};
    };
  }
  auto items = std::make_shared<std::vector<v1::StoreItem>>(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    RecordToItem(std::move(batch[i]), options_.durability, &(*items)[i]);
  }
  return [client, items, name = options_.name](std::size_t begin, std::size_t end,
                                               SendOutcome* outcome) -> Status {
    v1::StoreBatchRequest request;
    request.set_namespace_(name);
    for (std::size_t i = begin; i < end; ++i) {
      *request.add_items() = (*items)[i];
    }
    v1::StoreBatchResponse response;
    NEARHIT_RETURN_IF_ERROR(
        client->Call(client->cache(), &v1::Cache::Stub::StoreBatch, request, &response));
    outcome->stored += end - begin;
    for (const v1::StoreResult& result : response.results()) {
      outcome->replaced += result.replaced() ? 1 : 0;
      outcome->without_vector += result.has_vector() ? 0 : 1;
    }
    return {};
  };
}

Status Importer::Flush(ImportSender* sender) {
  if (batch_.empty()) {
    return {};
  }
  SendJob job;
  job.end_line = batch_.back().end_line;
  for (const ImportRecord& record : batch_) {
    job.lines.push_back(record.line);
  }
  job.send = MakeSend(std::exchange(batch_, {}));
  batch_bytes_ = 0;
  NEARHIT_RETURN_IF_ERROR(sender->Submit(std::move(job)));
  return Tick(*sender, false);
}

Status Importer::Tick(const ImportSender& sender, bool last) {
  const auto now = SteadyClock::now();
  bar_.Update({.items = sender.outcome().stored,
               .position = lines_->compressed_offset(),
               .total = lines_->file_bytes(),
               .position_at_start = position_at_start_,
               .seconds = std::chrono::duration<double>(now - start_).count()});
  if (!options_.resume || sender.acknowledged_line() <= state_.line ||
      (!last && now - saved_ < std::chrono::seconds(1))) {
    return {};
  }
  saved_ = now;
  state_.line = sender.acknowledged_line();
  return FromInput(SaveResumeState(options_.path, state_));
}

Status Importer::ReadAll(ImportSender* sender) {
  ImportRecord record;
  Status input;
  for (std::uint64_t taken = 0; options_.limit == 0 || taken < options_.limit;) {
    Result<bool> more = reader_->Next(&record);
    if (std::exchange(first_read_, false)) {
      position_at_start_ = state_.line == 0 ? 0 : lines_->compressed_offset();
    }
    if (more.ok() && !*more) {
      break;
    }
    const Status status = more.ok() ? AttachVector(&record) : std::move(more).status();
    if (status.code() == StatusCode::kInvalidArgument) {
      bad_.Report(record.line, std::string(status.message()));
      continue;
    }
    if (!status.ok()) {
      input = FromInput(status);
      break;  // what came before it is good
    }
    ++taken;
    const std::size_t bytes = RoughBytes(record);
    if (batch_.size() >= options_.batch || batch_bytes_ + bytes > kBatchBytes) {
      NEARHIT_RETURN_IF_ERROR(Flush(sender));
    }
    batch_bytes_ += bytes;
    batch_.push_back(std::move(record));
  }
  if (Status flushed = Flush(sender); !flushed.ok()) {
    input.IgnoreError();  // what the server says goes first
    return flushed;
  }
  return input;
}

Status Importer::ReadVectors() {
  if (!options_.vector_file.empty()) {
    NEARHIT_ASSIGN_OR_RETURN(matrix_, ReadVectorFile(options_.vector_file));
  }
  return {};
}

Status Importer::Run() {
  start_ = SteadyClock::now();
  saved_ = start_;
  NEARHIT_RETURN_IF_ERROR(FromInput(ReadVectors()));
  NEARHIT_RETURN_IF_ERROR(PrepareNamespace());
  NEARHIT_RETURN_IF_ERROR(FromInput(Open()));
  summary_.resumed_after_line = state_.line;
  ImportSender sender(options_.parallel, [this](std::uint64_t line, const std::string& reason) {
    bad_.Report(line, reason);
  });
  Status status = ReadAll(&sender);
  const Status finished = sender.Finish();
  const Status saved = Tick(sender, true);
  bar_.Clear();
  for (const Status* later : {&finished, &saved}) {  // a copy would have to be read
    if (status.ok()) {
      status = *later;
    }
  }
  summary_.imported = sender.outcome().stored;
  summary_.replaced = sender.outcome().replaced;
  summary_.without_vector = has_vectors_ ? sender.outcome().without_vector : 0;
  summary_.bad = bad_.count();
  summary_.input_empty = !lines_->has_text();
  summary_.seconds = std::chrono::duration<double>(SteadyClock::now() - start_).count();
  if (status.ok() && options_.resume && options_.limit == 0) {
    std::error_code ignored;  // a state file that stays only makes the next import skip everything
    std::filesystem::remove(ResumePath(options_.path), ignored);
  }
  finished.IgnoreError();  // the first of the three is reported
  saved.IgnoreError();
  return status;
}

}  // namespace

Status RunImport(const Client& client, ImportOptions options, std::ostream* err,
                 ImportSummary* summary) {
  return Importer(client, std::move(options), err, summary).Run();
}

}  // namespace nearhit
