// Bodies of chats as clients of OpenAI, of Qwen's models and of vLLM write them.
#include "server/chat_request.h"

#include "server/base64_of.h"
#include "server/server_fixture.h"
#include "server/thumbnails.h"

namespace shijian::server {
namespace {

class ChatBody : public Server {
 protected:
  // With one user's turn of these parts, and these fields besides.
  ChatRequest read(const std::string& parts, const std::string& fields = "") {
    param_.clear();
    return read_chat_request(
        fmt::format(R"({{"messages": [{{"role": "user", "content": [{}]}}]{}{}}})", parts,
                    fields.empty() ? "" : ", ", fields),
        {"nano", *library_, context_->fetch, {}}, param_);
  }
  engine::SamplingRequest sampling(const std::string& beside, const std::string& fields = "",
                                   const std::string& within = "") {
    const std::string comma = beside.empty() ? "" : ", " + beside;
    return *read(fmt::format(R"({{"type": "video_url", "video_url": {{"url": "shapes.mp4"{}}}{}}})",
                             within.empty() ? "" : ", " + within, comma),
                 fields)
                .describe.media.at(0)
                .sampling;
  }
  std::string refusal(const std::string& parts, const std::string& fields = "") {
    try {
      read(parts, fields);
    } catch (const Error& error) {
      return fmt::format("{}: {}", param_, error.message());
    }
    return "nothing";
  }
  // One frame of the sample.
  std::string jpeg() {
    const auto sample = source_dir() / "samples" / "shapes.mp4";
    return base64_of(Thumbnails().strip("sample", sample, {.count = 1, .height = 64}, {})->jpeg);
  }

  std::string param_;
};

constexpr const char* kText = R"({"type": "text", "text": "When?"})";

TEST_F(ChatBody, NullAndNeutralValuesAskForNothing) {
  for (
      const char* field : {
          R"("audio": null)",
          R"("functions": null)",
          R"("functions": [])",
          R"("function_call": null)",
          R"("function_call": "none")",
          R"("frequency_penalty": null)",
          R"("frequency_penalty": 0)",
          R"("logit_bias": null)",
          R"("logit_bias": {})",
          R"("logprobs": false, "top_logprobs": 0)",
          R"("top_logprobs": null)",
          R"("max_completion_tokens": null, "max_tokens": null)",
          R"("max_completion_tokens": 64)",
          R"("metadata": {})",
          R"("modalities": ["text"])",
          R"("modalities": null)",
          R"("moderation": null)",
          R"("n": 1)",
          R"("n": null)",
          R"("parallel_tool_calls": true)",
          R"("prediction": null)",
          R"("presence_penalty": 0)",
          R"("prompt_cache_retention": null, "prompt_cache_key": null)",
          R"("reasoning_effort": null)",
          R"("reasoning_effort": "medium")",
          R"("response_format": {"type": "text"})",
          R"("response_format": null)",
          R"("safety_identifier": null)",
          R"("seed": null)",
          R"("seed": -1)",
          R"("seed": 9223372036854775807)",
          R"("service_tier": "auto")",
          R"("stop": null)",
          R"("stop": [])",
          R"("store": false)",
          R"("stream": null, "stream_options": null)",
          R"("stream_options": {"include_usage": false})",
          R"("stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false})",
          R"("temperature": null, "top_p": null)",
          R"("tool_choice": "none")",
          R"("tool_choice": "auto", "tools": [])",
          R"("tools": null, "tool_choice": null)",
          R"("user": "me")",
          R"("verbosity": null)",
          R"("web_search_options": null)",
          R"("top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "ignore_eos": false)",
          R"("stop_token_ids": [], "skip_special_tokens": true, "chat_template_kwargs": {})",
          R"("mm_processor_kwargs": null, "media_io_kwargs": {})",
          R"("priority": 0, "include_reasoning": true, "request_id": "x")",
          R"("return_token_ids": false, "return_tokens_as_token_ids": false)",
          R"("add_special_tokens": false, "bad_words": [], "detokenize": true)",
          R"("incremental_output": false, "result_format": "message")",
          R"("a_field_that_nobody_knows": null)",
      }) {
    EXPECT_EQ(refusal(kText, field), "nothing") << field;
  }
  for (const char* field :
       {R"("audio": {"voice": "alloy", "format": "wav"})", R"("modalities": ["text", "audio"])",
        R"("functions": [{"name": "f"}])", R"("web_search_options": {})", R"("min_p": 0.1)",
        R"("priority": 1)", R"("return_token_ids": true)", R"("bad_words": ["x"])"}) {
    EXPECT_NE(refusal(kText, field).find("is not supported"), std::string::npos) << field;
  }
  EXPECT_EQ(read(kText, R"("seed": 9007199254740993)").describe.generation.seed, 9007199254740993u);
  EXPECT_EQ(read(kText, R"("top_k": -1)").describe.generation.top_k, 0);
}

TEST_F(ChatBody, AnAnswerMayBeSentBack) {
  const ChatRequest request = read_chat_request(R"({"messages": [
      {"role": "user", "content": "a", "name": null},
      {"role": "assistant", "content": "b", "refusal": null, "annotations": [], "audio": null,
       "function_call": null, "tool_calls": null, "reasoning_content": null, "reasoning": "r"},
      {"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "c", "type":
       "function", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}]},
      {"role": "user", "content": [{"type": "input_text", "text": "\ufeffc", "cache_control": null}]}]})",
                                                {"nano", *library_, context_->fetch, {}}, param_);
  ASSERT_EQ(request.describe.messages.size(), 5u);
  EXPECT_EQ(request.describe.messages[1].reasoning, "r");
  EXPECT_EQ(request.describe.messages[4].parts[0].text, "c");
}

TEST_F(ChatBody, FieldsBesideAVideoSetItsSampling) {
  EXPECT_EQ(sampling(R"("fps": 1)").fps, 1);
  EXPECT_EQ(sampling("", "", R"("fps": 0.5)").fps, 0.5);
  EXPECT_EQ(sampling(R"("nframes": 12)").frames, 12);
  const engine::SamplingRequest all = sampling(
      R"("min_frames": 4, "max_frames": 32, "min_pixels": 4096, "max_pixels": 50176.0,
         "total_pixels": 1000000, "video_start": 1.5, "video_end": 7, "fps": null)");
  EXPECT_EQ(all.min_frames, 4);
  EXPECT_EQ(all.max_frames, 32);
  EXPECT_EQ(all.min_frame_pixels, 4096);
  EXPECT_EQ(all.frame_pixels, 50176);
  EXPECT_EQ(all.total_pixels, 1000000);
  EXPECT_EQ(all.from, 1.5);
  EXPECT_EQ(all.to, 7);
  EXPECT_FALSE(all.fps);
  const std::string both = refusal(
      R"({"type": "video_url", "video_url": {"url": "shapes.mp4"}, "fps": 1, "nframes": 2})");
  EXPECT_EQ(both,
            "messages[0].content[0]: sampling: 'fps' and a number of frames do not go together");
  const auto refused = [&](const std::string& beside) {
    return refusal(R"({"type": "video_url", "video_url": {"url": "shapes.mp4"}, )" + beside + "}");
  };
  EXPECT_EQ(refused(R"("min_pixels": 4096, "max_pixels": 1024)"),
            "messages[0].content[0]: sampling: 'min_pixels' is 4096, over a 'max_pixels' of 1024");
  EXPECT_EQ(refused(R"("min_frames": 9, "max_frames": 8)"),
            "messages[0].content[0]: sampling: 'min_frames' is 9, over a 'max_frames' of 8");
  EXPECT_EQ(refused(R"("resized_height": 280, "resized_width": 420)"),
            "messages[0].content[0]: sampling: 'resized_height' is not supported: pictures keep "
            "their shape");
  EXPECT_EQ(refused(R"("sample_fps": 1)"),
            "messages[0].content[0]: sampling: 'sample_fps' is the rate of a list of frames, and "
            "this is a file");
  EXPECT_EQ(refused(R"("raw_fps": 30)"), "nothing");
}

TEST_F(ChatBody, ProcessorArgumentsSetTheSamplingOfAllVideos) {
  const auto body = [&](const std::string& arguments) {
    return sampling("", R"("mm_processor_kwargs": )" + arguments);
  };
  EXPECT_EQ(body(R"({"fps": 1, "do_sample_frames": true})").fps, 1);
  EXPECT_EQ(body(R"({"fps": [0.5]})").fps, 0.5);
  EXPECT_EQ(body(R"({"num_frames": 8})").frames, 8);
  EXPECT_EQ(body(R"({"size": {"shortest_edge": 4096, "longest_edge": 99999}})").max_pixels, 99999);
  EXPECT_EQ(body(R"({"videos_kwargs": {"fps": 4, "max_pixels": 77777}})").max_pixels, 77777);
  EXPECT_EQ(sampling("", R"("media_io_kwargs": {"video": {"num_frames": 6}})").frames, 6);
  const engine::SamplingRequest loader =
      sampling("", R"("media_io_kwargs": {"video": {"num_frames": 6, "fps": 1}})");
  EXPECT_EQ(loader.fps, 1);
  EXPECT_EQ(loader.max_frames, 6);
  EXPECT_FALSE(sampling("", R"("media_io_kwargs": {"video": {"num_frames": -1}})").frames);
  // What is beside a video goes before what the body says.
  const engine::SamplingRequest own =
      sampling(R"("nframes": 6)", R"("mm_processor_kwargs": {"fps": 1})");
  EXPECT_EQ(own.frames, 6);
  EXPECT_FALSE(own.fps);
  // A list tells the rate of each video.
  const std::string video = R"({"type": "video_url", "video_url": {"url": "shapes.mp4"}})";
  const ChatRequest two = read(video + "," + video, R"("mm_processor_kwargs": {"fps": [1, 2]})");
  EXPECT_EQ(two.describe.media[1].sampling->fps, 2);
  EXPECT_EQ(
      refusal(video + "," + video + "," + video, R"("mm_processor_kwargs": {"fps": [1, 2]})"),
      "messages[0].content[2]: mm_processor_kwargs: 'fps' has 2 rates, and there are more videos");
  EXPECT_NE(refusal(video, R"("mm_processor_kwargs": {"fsp": 1})").find("'fsp' is unknown"),
            std::string::npos);
}

TEST_F(ChatBody, ImagesHaveTheirOwnLimits) {
  const std::string image =
      R"({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,)" + jpeg() +
      R"(", "detail": "high"}, "max_pixels": 65536})";
  const ChatRequest request =
      read(image, R"("mm_processor_kwargs": {"min_pixels": 1024, "max_pixels": 2048})");
  const engine::MediaFile& file = request.describe.media.at(0);
  EXPECT_TRUE(file.is_image);
  EXPECT_EQ(file.sampling->min_pixels, 1024);
  EXPECT_EQ(file.sampling->max_pixels, 65536);
  const std::string plain =
      R"({"type": "input_image", "image_url": "data:image/jpeg;base64,)" + jpeg() + R"("})";
  EXPECT_EQ(read(plain).describe.media.size(), 1u);
}

TEST_F(ChatBody, AUrlHasNoByteOrderMark) {
  const auto file = [&](const std::string& type, const std::string& url) {
    return read(fmt::format(R"({{"type": "{0}", "{0}": {{"url": "\ufeff{1}"}}}})", type, url))
        .describe.media.at(0)
        .path;
  };
  for (const char* url : {"shapes.mp4", "file:///app/videos/shapes.mp4"}) {
    EXPECT_EQ(file("video_url", url).filename(), "shapes.mp4") << url;
  }
  EXPECT_FALSE(file("image_url", "data:image/jpeg;base64," + jpeg()).empty());
}

TEST_F(ChatBody, PicturesInAListAreFrames) {
  const std::string picture = jpeg();
  const auto times = [](const engine::MediaFile& video) {
    std::vector<double> all;
    for (const engine::GivenFrame& frame : video.frames) all.push_back(frame.time);
    return all;
  };
  const std::string three = "data:video/jpeg;base64," + picture + "," + picture + "," + picture;
  const std::string part =
      R"({"type": "video_url", "video_url": {"url": ")" + three + R"("}, "fps": 4})";
  EXPECT_EQ(times(read(part).describe.media[0]), (std::vector<double>{0, 0.25, 0.5}));
  const std::string usual = R"({"type": "video_url", "video_url": {"url": ")" + three + R"("}})";
  EXPECT_EQ(times(read(usual).describe.media[0]), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(times(read(usual, R"("mm_processor_kwargs": {"fps": [1.0], "do_sample_frames": false})")
                      .describe.media[0]),
            (std::vector<double>{0, 1, 2}));
  const std::string one = "data:image/jpeg;base64," + picture;
  const std::string list =
      R"({"type": "video", "video": [")" + one + R"(", ")" + one + R"("], "fps": 1})";
  EXPECT_EQ(times(read(list).describe.media[0]), (std::vector<double>{0, 1}));
  const std::string qwen = R"({"type": "video", "video": [")" + one + R"(", ")" + one +
                           R"("], "sample_fps": 4, "raw_fps": 24})";
  EXPECT_EQ(times(read(qwen).describe.media[0]), (std::vector<double>{0, 0.25}));
  const std::string file = R"({"type": "video", "video": "file:///app/videos/shapes.mp4"})";
  EXPECT_EQ(read(file).describe.media[0].path.filename(), "shapes.mp4");
  // They are seen: three pictures fill two slots.
  const http::TestAnswer seen =
      call("POST", "/v1/chat/completions",
           R"({"max_tokens": 1, "messages": [{"role": "user", "content": [)" + usual + "," + kText +
               "]}]}");
  EXPECT_EQ(seen.status, 200) << seen.body;
}

TEST_F(ChatBody, SamplingIsWhatTheModelSees) {
  const auto prompt_tokens = [&](const std::string& beside, const std::string& fields = "") {
    const http::TestAnswer answer =
        call("POST", "/v1/chat/completions",
             fmt::format(R"({{"max_tokens": 1, "messages": [{{"role": "user", "content": [
            {{"type": "video_url", "video_url": {{"url": "shapes.mp4"}}{}}}, {}]}}]{}}})",
                         beside, kText, fields));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json(answer)["usage"]["prompt_tokens"].get<int64_t>();
  };
  const int64_t usual = prompt_tokens("");
  const int64_t one = prompt_tokens(R"(, "fps": 1)");
  EXPECT_LT(one, 0.6 * static_cast<double>(usual));
  EXPECT_EQ(prompt_tokens("", R"(, "mm_processor_kwargs": {"fps": 1})"), one);
  EXPECT_EQ(prompt_tokens("", R"(, "mm_processor_kwargs": {"num_frames": 14})"), one);  // of 14.9 s
  const int64_t two = prompt_tokens(R"(, "nframes": 2)");
  EXPECT_LT(prompt_tokens(R"(, "nframes": 2, "max_pixels": 2048)"), two);
  EXPECT_LT(prompt_tokens(R"(, "total_pixels": 8192)"), usual);
  EXPECT_LT(prompt_tokens(R"(, "video_start": 2, "video_end": 6)"), one);
}

TEST_F(ChatBody, NotesTellWhatWasNotLookedAt) {
  const auto body = [](const char* end, const char* fields) {
    return fmt::format(R"({{"max_tokens": 1, "messages": [{{"role": "user", "content": [
        {{"type": "video_url", "video_url": {{"url": "shapes.mp4"}}, "video_end": {}}}, {}]}}]{}}})",
                       end, kText, fields);
  };
  const Json inside = json(call("POST", "/v1/chat/completions", body("10", "")));
  EXPECT_TRUE(inside.contains("choices")) << inside;
  EXPECT_FALSE(inside.contains("notes")) << inside;
  const Json late = json(call("POST", "/v1/chat/completions", body("100", "")));
  ASSERT_TRUE(late.contains("notes")) << late;
  EXPECT_EQ(late["notes"][0]["code"], "window_cut");
  const http::TestAnswer stream =
      call("POST", "/v1/chat/completions", body("100", R"(, "stream": true)"));
  EXPECT_NE(stream.body.find("\"notes\":[{\"code\":\"window_cut\""), std::string::npos)
      << stream.body;
}

}  // namespace
}  // namespace shijian::server
