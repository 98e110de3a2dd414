#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>

#include "base/error.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "shijian-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }

  static ErrorCode code_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_FALSE(error.message().empty());
      EXPECT_EQ(error.message().find('\n'), std::string::npos);
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::kInternal;
  }

  fs::path folder_;
};

TEST_F(FileTest, MapsTheBytesOfAFile) {
  const MappedFile file(write("a", "hello"));
  EXPECT_EQ(file.text(), "hello");
}

TEST_F(FileTest, AnEmptyFileMapsToNothing) { EXPECT_EQ(MappedFile(write("a", "")).size(), 0u); }

TEST_F(FileTest, AMapSurvivesAMove) {
  MappedFile first(write("a", "hello"));
  MappedFile second;
  second = std::move(first);
  EXPECT_EQ(second.text(), "hello");
}

TEST_F(FileTest, RefusesWhatIsNoRegularFile) {
  EXPECT_EQ(code_of([&] { MappedFile file(folder_ / "missing"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { MappedFile file(folder_); }), ErrorCode::kInvalid);
  const fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(code_of([&] { require_regular_file(fifo, "video"_text); }), ErrorCode::kInvalid);
  EXPECT_EQ(code_of([&] { require_regular_file("/dev/null", "video"_text); }), ErrorCode::kInvalid);
}

TEST_F(FileTest, NamesMissingPermission) {
  const fs::path path = write("a", "secret");
  fs::permissions(path, fs::perms::none);
  if (::access(path.c_str(), R_OK) == 0) GTEST_SKIP() << "root may read everything";
  EXPECT_EQ(code_of([&] { require_regular_file(path, "video"_text); }), ErrorCode::kPermission);
}

TEST_F(FileTest, ReadFileHasALimit) {
  const fs::path path = write("a", "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  EXPECT_EQ(code_of([&] { read_file(path, 4); }), ErrorCode::kInvalid);
}

TEST_F(FileTest, WritesAtomically) {
  const fs::path path = write("a", "old");
  write_file_atomic(path, "new");
  EXPECT_EQ(read_file(path, 100), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(FileTest, AnOutputIsThereOnceItIsCommitted) {
  const fs::path path = folder_ / "a";
  {
    OutputFile file(path);
    file.write("half");
  }
  EXPECT_TRUE(fs::is_empty(folder_));
  OutputFile file(path);
  file.write("new");
  EXPECT_FALSE(fs::exists(path));
  file.commit();
  EXPECT_EQ(read_file(path, 100), "new");
}

TEST_F(FileTest, ModesFollowTheUmaskOrTheFileBefore) {
  const auto mode = [](const fs::path& path) {
    return static_cast<int>(fs::status(path).permissions());
  };
  const mode_t before = ::umask(027);
  write_file_atomic(folder_ / "a", "x");
  ::umask(before);
  EXPECT_EQ(mode(folder_ / "a"), 0640);
  fs::permissions(folder_ / "a", fs::perms{0600});
  write_file_atomic(folder_ / "a", "y");
  EXPECT_EQ(mode(folder_ / "a"), 0600);
}

TEST_F(FileTest, LinksAndFifosStayWhatTheyAre) {
  fs::create_directory(folder_ / "far");
  write("far/a", "old");
  fs::create_symlink("far/a", folder_ / "link");
  write_file_atomic(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "far/a", 100), "new");
  fs::create_symlink("far/b", folder_ / "ahead");
  write_file_atomic(folder_ / "ahead", "there");
  EXPECT_EQ(read_file(folder_ / "far/b", 100), "there");

  const fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Descriptor reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK));
  write_file_atomic(fifo, "through");
  char bytes[10] = {};
  EXPECT_EQ(::read(reader.get(), bytes, sizeof bytes), 7);
  EXPECT_TRUE(fs::is_fifo(fifo));
  write_file_atomic("/dev/null", "away");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(code_of([&] { write_file_atomic(folder_, "x"); }), ErrorCode::kInvalid);
}

TEST_F(FileTest, AFailedWriteLeavesNothingBehind) {
  fs::create_directory(folder_ / "taken");
  EXPECT_THROW(write_file_atomic(folder_ / "taken", "new"), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
  EXPECT_EQ(code_of([&] { write_file_atomic(folder_ / "no" / "such", "new"); }),
            ErrorCode::kNotFound);
}

TEST_F(FileTest, AWriteThatFailsHalfWayLeavesNothingBehind) {
  // A file size limit stops the write after ten bytes, as a full disk would.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{10, before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_EQ(code_of([&] { write_file_atomic(folder_ / "a", std::string(100, 'x')); }),
            ErrorCode::kIo);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST(SystemError, NamesOperationThingAndReason) {
  const Error error = system_error("write out.json"_text, ENOSPC);
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_EQ(error.message(), "write out.json: No space left on device");
  EXPECT_FALSE(error.hint().empty());
}

}  // namespace
}  // namespace shijian
