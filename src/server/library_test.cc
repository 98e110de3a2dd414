// The library when its folder is not as it should be, and when its database is of an earlier
// version.
#include "server/library.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/temporary_folder.h"
#include "jobs/schema.h"
#include "jobs/store_faults.h"
#include "server/test_videos.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

class LibraryTest : public testing::Test {
 protected:
  LibraryTest() {
    fs::create_directories(videos_);
    fs::permissions(folder_.path(), fs::perms(0755));
    open();
  }
  void open() {
    library_.reset();
    store_.reset();
    store_.emplace(folder_.path() / "jobs.db");
    library_.emplace(LibraryOptions{videos_, int64_t{1} << 30}, *store_);
  }
  void put(const std::string& name, const std::string& bytes) const {
    fs::create_directories((videos_ / name).parent_path());
    std::ofstream(videos_ / name, std::ios::binary) << bytes;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const jobs::Video& video : store_->videos({}, {}).items) names.push_back(video.name);
    return names;
  }
  fs::path upload(const std::string& name, const std::string& bytes) const {
    const fs::path path = library_->partial_folder() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  const TemporaryFolder folder_;
  const fs::path videos_ = folder_.path() / "videos";
  std::optional<jobs::Store> store_;
  std::optional<Library> library_;
};

using Names = std::vector<std::string>;

// Who may read nothing of others; root may read everything.
class Nobody {
 public:
  Nobody() : before_(::setfsuid(65534)) {}
  ~Nobody() { ::setfsuid(static_cast<uid_t>(before_)); }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  int before_;
};

TEST_F(LibraryTest, AFolderThatCannotBeReadHidesNoOther) {
  put("a.mp4", another_video("a"));
  put("closed/b.mp4", another_video("b"));
  put("z.mp4", another_video("z"));
  library_->scan();
  EXPECT_EQ(names(), (Names{"a.mp4", "closed/b.mp4", "z.mp4"}));
  put("y.mp4", another_video("y"));
  ASSERT_EQ(::chmod((videos_ / "closed").c_str(), 0), 0);
  {
    const Nobody nobody;
    library_->scan();
    EXPECT_GT(library_->remaining_quota(), 0);
    EXPECT_NO_THROW(library_->check_quota(1));
  }
  ASSERT_EQ(::chmod((videos_ / "closed").c_str(), 0755), 0);
  // Nobody can tell whether it is there: it is not taken for gone.
  EXPECT_EQ(names(), (Names{"a.mp4", "closed/b.mp4", "y.mp4", "z.mp4"}));
}

TEST_F(LibraryTest, AShareThatIsAwayForAWhileLosesNothing) {
  put("talks/a.mp4", another_video("a"));
  library_->scan();
  const jobs::Video before = store_->videos({}, {}).items.at(0);
  jobs::JobRequest request;
  request.video_id = before.id;
  request.video_name = before.name;
  request.query = "q";
  const std::string job = store_->add({request}, 10).jobs.at(0).id;
  store_->set_corrections(job, "[]");
  fs::rename(videos_ / "talks", folder_.path() / "away");
  library_->scan();
  EXPECT_EQ(names(), Names{});
  EXPECT_EQ(store_->videos({}, {}).total, 0);
  EXPECT_THROW(library_->get(before.id), Error);
  fs::rename(videos_, folder_.path() / "all");  // and then everything
  library_->scan();
  fs::rename(folder_.path() / "all", videos_);
  fs::rename(folder_.path() / "away", videos_ / "talks");
  library_->scan();
  EXPECT_EQ(names(), Names{"talks/a.mp4"});
  const jobs::Video after = library_->get(before.id);
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(store_->job(job).corrections, "[]");
  EXPECT_EQ(store_->job(job).video_id, after.id);
}

TEST_F(LibraryTest, AllFilesOfACallAreTakenInOrNone) {
  // The second name can be had only without the first.
  EXPECT_THROW(library_->accept({{"x.mp4", upload("1", another_video("1"))},
                                 {"x.mp4/y.mp4", upload("2", another_video("2"))}}),
               Error);
  library_->scan();
  EXPECT_EQ(names(), Names{});
  EXPECT_FALSE(fs::exists(videos_ / "x.mp4"));
  EXPECT_TRUE(fs::is_empty(library_->partial_folder()));
}

TEST_F(LibraryTest, AStoreThatFailsIsNoMissingVideo) {
  const jobs::StoreFaults faults;
  put("a.mp4", another_video("a"));
  const jobs::Video known = library_->find("a.mp4");
  jobs::StoreFaults::full = true;
  put("b.mp4", another_video("b"));
  EXPECT_EQ(library_->find("b.mp4").name, "b.mp4");  // only its row is missing
  jobs::StoreFaults::full = false;
  library_.reset();
  store_.reset();
  store_.emplace(folder_.path() / "jobs.db");  // with nothing of the file in memory
  library_.emplace(LibraryOptions{videos_, 1 << 30}, *store_);
  jobs::StoreFaults::broken = true;
  EXPECT_THROW(library_->get(known.id), jobs::StoreError);
  jobs::StoreFaults::broken = false;
  EXPECT_EQ(library_->get(known.id).name, "a.mp4");
}

TEST_F(LibraryTest, ALargeNewFileIsNotReadWhileSomebodyWaits) {
  // What players skip is a hole of 100 MiB.
  constexpr uint32_t kHole = 100 << 20;
  std::string bytes = sample_video();
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(kHole >> shift));
  put("large.mp4", bytes + "free");
  fs::resize_file(videos_ / "large.mp4", sample_video().size() + kHole);
  const jobs::Video soon = library_->find_soon("large.mp4");
  EXPECT_EQ(soon.id, "");
  EXPECT_NE(soon.probe, "");
  const jobs::Video video = library_->find("large.mp4");
  EXPECT_EQ(video.id.size(), 41u);
  EXPECT_EQ(library_->find_soon("large.mp4").id, video.id);
  put("text.mp4", "no video");
  EXPECT_THROW(library_->find_soon("text.mp4"), Error);
}

// As the program of the second schema left it: ids from XXH3-128, 20 digits of them.
TEST_F(LibraryTest, ADatabaseWithOldIdsKeepsItsHistory) {
  library_.reset();
  store_.reset();
  const fs::path file = folder_.path() / "jobs.db";
  fs::remove(file);
  const std::string bytes = another_video("a");
  put("a.mp4", bytes);
  put("twin.mp4", bytes);
  const std::string hash = content_hash(std::as_bytes(std::span(bytes)));
  const std::string old = "v" + hash.substr(0, 20);
  jobs::prepare_database(file, jobs::kJobDatabaseMark, jobs::job_schema().first(2));
  {
    jobs::Database database(file);
    for (const char* name : {"a.mp4", "twin.mp4"}) {
      struct stat status {};
      ASSERT_EQ(::stat((videos_ / name).c_str(), &status), 0);
      database.run("INSERT INTO videos VALUES (?1, ?2, ?3, ?4, ?5, '{\"duration\": 1}', 77)", name,
                   old, static_cast<int64_t>(status.st_size),
                   status.st_mtim.tv_sec * int64_t{1000000000} + status.st_mtim.tv_nsec, hash);
    }
    for (const char* name : {"a.mp4", "gone.mp4"}) {
      database.run(
          "INSERT INTO jobs(id, state, priority, client, batch, created, finished, webhook_url, "
          "webhook_secret, video_id, video_name, query, options, corrections) VALUES "
          "(?1, 'done', 1, 'c', 'g', 5, 6, '', '', ?2, ?1, 'what?', '{}', '[1]')",
          name, old);
    }
  }
  open();
  EXPECT_EQ(library_->get(old).id, old) << "as before, until the files are read";
  library_->scan();
  const jobs::Video video = store_->videos({}, {}).items.at(0);
  EXPECT_EQ(store_->videos({}, {}).total, 1);
  EXPECT_EQ(video.hash.size(), 64u);
  EXPECT_EQ(video.id, "v" + video.hash.substr(0, 40));
  EXPECT_EQ(video.created, 77);
  EXPECT_EQ(library_->get(old).id, video.id);
  EXPECT_EQ(store_->video_names(video.id), (Names{"a.mp4", "twin.mp4"}));
  for (const char* job : {"a.mp4", "gone.mp4"}) {
    EXPECT_EQ(store_->job(job).video_id, video.id);
    EXPECT_EQ(store_->job(job).corrections, "[1]");
  }
  for (const std::string& id : {old, video.id}) {
    jobs::JobFilter filter;
    filter.video_id = id;
    EXPECT_EQ(store_->jobs(filter, {}).total, 2);
  }
}

}  // namespace
}  // namespace shijian::server
