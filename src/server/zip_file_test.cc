#include "server/zip_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

class Zip : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/shijian-zip-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  Descriptor open(const std::string& name) const {
    return Descriptor(::open((dir_ / name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  }
  Descriptor file(const std::string& bytes) const {
    Descriptor made = open("file");
    EXPECT_EQ(::pwrite(made.get(), bytes.data(), bytes.size(), 0), std::ssize(bytes));
    return made;
  }
  // Unpacks it with another program's reader.
  void unpack() const {
    fs::create_directory(dir_ / "out");
    const std::string command =
        fmt::format("cd {} && LC_ALL=C.UTF-8 cmake -E tar xf ../a.zip", (dir_ / "out").string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string unpacked(const std::string& name) const {
    return read_file(dir_ / "out" / name, size_t{1} << 24);
  }

  fs::path dir_;
};

TEST_F(Zip, IsReadByOthers) {
  const std::string bytes(1000000, 'x');
  const Descriptor output = open("a.zip");
  ZipFile zip(output.get());
  zip.add("一.mp4", file("one").get(), {});
  zip.add("two.mp4", file(bytes).get(), {});
  zip.add("empty", file("").get(), {});
  zip.finish();
  EXPECT_EQ(static_cast<int64_t>(fs::file_size(dir_ / "a.zip")), zip.size());
  unpack();
  EXPECT_EQ(unpacked("一.mp4"), "one");
  EXPECT_TRUE(unpacked("two.mp4") == bytes);
  EXPECT_EQ(fs::file_size(dir_ / "out" / "empty"), 0u);
}

// ZIP64, which real files need from four gigabytes on.
TEST_F(Zip, GrowsPast32Bits) {
  const std::string bytes(1000, 'x');
  const Descriptor output = open("a.zip");
  ZipFile zip(output.get(), 1000);
  zip.add("small", file("one").get(), {});
  zip.add("large", file(bytes).get(), {});
  zip.add("behind", file("two").get(), {});
  zip.finish();
  unpack();
  EXPECT_EQ(unpacked("small"), "one");
  EXPECT_EQ(unpacked("large"), bytes);
  EXPECT_EQ(unpacked("behind"), "two");
}

}  // namespace
}  // namespace shijian::server
