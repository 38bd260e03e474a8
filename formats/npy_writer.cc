#include "formats/npy_writer.h"

#include <bit>
#include <string>
#include <system_error>

#include "base/check.h"

namespace nearhit {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are written as they are");

// Of magic, version, length and dictionary together: numpy aligns to 64, and every number of rows
// fits.
constexpr std::size_t kHeaderBytes = 128;

std::filesystem::path Beside(std::filesystem::path path) {
  path += ".tmp";
  return path;
}

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& path, std::size_t dimension)
    : path_(path),
      temporary_(Beside(path)),
      dimension_(dimension),
      file_(temporary_, std::ios::binary | std::ios::trunc) {
}

NpyWriter::~NpyWriter() {
  if (!finished_) {
    file_.close();
    std::error_code ignored;  // what cannot be removed stays
    std::filesystem::remove(temporary_, ignored);
  }
}

Result<std::unique_ptr<NpyWriter>> NpyWriter::Create(const std::filesystem::path& path,
                                                     std::size_t dimension) {
  std::unique_ptr<NpyWriter> writer(new NpyWriter(path, dimension));
  writer->WriteHeader();
  if (!writer->file_) {
    return InvalidArgument(path.string() + ": cannot be written");
  }
  return writer;
}

void NpyWriter::WriteHeader() {
  std::string header("\x93NUMPY\x01\x00", 8);
  constexpr std::size_t kLength = kHeaderBytes - 10;
  header += {static_cast<char>(kLength), 0};
  header += "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows_) + ", " +
            std::to_string(dimension_) + "), }";
  header.resize(kHeaderBytes - 1, ' ');
  file_ << header << '\n';
}

void NpyWriter::Append(std::span<const float> row) {
  NEARHIT_CHECK(row.size() == dimension_);
  file_.write(reinterpret_cast<const char*>(row.data()),
              static_cast<std::streamsize>(row.size_bytes()));
  ++rows_;
}

Status NpyWriter::Finish() {
  file_.seekp(0);
  WriteHeader();
  file_.close();
  std::error_code failed;
  if (file_) {
    std::filesystem::rename(temporary_, path_, failed);
  }
  if (!file_ || failed) {
    return Unavailable(path_.string() + ": cannot be written");
  }
  finished_ = true;
  return Status();
}

}  // namespace nearhit
