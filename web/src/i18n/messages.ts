// Every text of the page, English and Chinese side by side. {name} is filled in; "one|many" is
// chosen by {n} (Chinese needs one form only).
type Pair = readonly [en: string, zh: string];

const pairs = {
  // The frame of the page
  'app.name': ['Shijian', '事件·时间'],
  'app.skip': ['Skip to content', '跳到主要内容'],
  'nav.label': ['Main', '主导航'],
  'nav.library': ['Videos', '视频'],
  'nav.batch': ['Batch', '批量'],
  'nav.queue': ['Queue', '队列'],
  'nav.active': ['{n} job at work|{n} jobs at work', '{n} 个任务进行中'],
  'action.settings': ['Settings', '设置'],
  'action.help': ['Help and shortcuts', '帮助与快捷键'],
  'action.language': ['切换到中文', 'Switch to English'],
  'action.light': ['Use light colours', '使用浅色外观'],
  'action.dark': ['Use dark colours', '使用深色外观'],
  'action.close': ['Close', '关闭'],
  'action.cancel': ['Cancel', '取消'],
  'action.retry': ['Try again', '重试'],
  'action.delete': ['Delete', '删除'],
  'action.back': ['All videos', '全部视频'],
  'action.more': ['Show more', '显示更多'],
  'offline': ['The connection to the server is lost. Trying again…', '与服务器的连接已断开，正在重试…'],
  'error.offline': ['The server does not answer.', '服务器没有响应。'],
  'error.offline.hint': ['Check that “shijian serve” runs, then try again.', '请确认 “shijian serve” 正在运行，然后重试。'],
  'error.id': ['Request {id}', '请求编号 {id}'],

  // The key
  'key.title': ['API key', 'API 密钥'],
  'key.text': ['This server answers only with a key. Whoever runs it can give you one.', '此服务器需要密钥才能访问，请向管理员索取。'],
  'key.label': ['Key', '密钥'],
  'key.wrong': ['The server refused this key.', '服务器拒绝了此密钥。'],
  'key.use': ['Use this key', '使用此密钥'],

  // Video library
  'library.title': ['Videos', '视频'],
  'library.drop': ['Drop videos here', '把视频拖到这里'],
  'library.drop.anywhere': ['Drop to add to the library', '松开即可添加到视频库'],
  'library.choose': ['Choose files', '选择文件'],
  'library.resume': ['Several at once; a broken upload goes on where it stopped.', '可同时上传多个；中断后会从断点继续。'],
  'library.search': ['Search by name', '按名称搜索'],
  'library.count': ['{n} video|{n} videos', '{n} 个视频'],
  'library.none': ['No videos yet', '还没有视频'],
  'library.none.text': ['Add one, then ask when something happens in it.', '添加一个视频，然后询问某件事何时发生。'],
  'library.nothing': ['No video has a name like “{search}”', '没有名称包含“{search}”的视频'],
  'library.delete': ['Delete “{name}”?', '删除“{name}”？'],
  'library.delete.text': ['The file is removed from the server. Answers about it stay in the history.', '文件将从服务器移除，相关的回答仍保留在历史记录中。'],
  'library.deleteOne': ['Delete {name}', '删除 {name}'],
  'video.rate': ['{rate} fps', '{rate} 帧/秒'],
  'upload.title': ['Uploads', '上传'],
  'upload.waiting': ['Waiting', '等待中'],
  'upload.again': ['Connection lost, going on soon', '连接中断，稍后继续'],
  'upload.checking': ['Checking the file', '正在检查文件'],
  'upload.done': ['Added', '已添加'],
  'upload.progress': ['Upload of {name}', '{name} 的上传进度'],
  'upload.stop': ['Stop the upload of {name}', '停止上传 {name}'],
  'upload.dismiss': ['Remove {name} from the list', '从列表中移除 {name}'],
  'upload.empty': ['The file is empty.', '文件为空。'],

  // Player
  'player.label': ['Video', '视频'],
  'player.play': ['Play', '播放'],
  'player.pause': ['Pause', '暂停'],
  'player.back': ['One frame back', '后退一帧'],
  'player.forward': ['One frame on', '前进一帧'],
  'player.speed': ['Speed', '速度'],
  'player.mute': ['Mute', '静音'],
  'player.unmute': ['Sound on', '取消静音'],
  'player.fullscreen': ['Full screen', '全屏'],
  'player.loop.stop': ['Stop looping', '停止循环'],
  'player.cannot': ['This browser cannot play the file; the timeline works nevertheless.', '浏览器无法播放此文件，但时间线仍可使用。'],

  // Question
  'ask.label': ['Your question', '您的问题'],
  'ask.placeholder': ['When does … happen?', '……在什么时候发生？'],
  'ask.button': ['Find', '查找'],
  'ask.examples': ['For example', '例如'],
  'ask.visible': ['Only the part in view, {from} – {to}', '仅限当前可见部分：{from} – {to}'],
  'ask.hint': ['Enter to send, Shift+Enter for a new line', '回车发送，Shift+回车换行'],

  // Progress
  'state.queued': ['Waiting', '等待中'],
  'state.running': ['Working', '进行中'],
  'state.done': ['Done', '完成'],
  'state.failed': ['Failed', '失败'],
  'state.cancelled': ['Cancelled', '已取消'],
  'stage.queued': ['Waiting in the queue', '排队等待'],
  'stage.probing': ['Reading the file', '读取文件'],
  'stage.decoding': ['Decoding frames', '解码画面'],
  'stage.encoding': ['Looking at frames', '观看画面'],
  'stage.reading': ['Reading the question', '理解问题'],
  'stage.answering': ['Answering', '回答'],
  'progress.label': ['Progress of the answer', '回答进度'],
  'progress.of': ['{done} of {total}', '{done} / {total}'],
  'progress.left': ['about {time} left', '大约还需 {time}'],
  'progress.ahead': ['{n} question waits in the queue|{n} questions wait in the queue', '队列中有 {n} 个问题'],

  // Answer
  'tab.answer': ['Answer', '回答'],
  'tab.sampled': ['What it saw', '所见画面'],
  'tab.history': ['History', '历史'],
  'answer.empty': ['Ask when something happens', '询问某件事何时发生'],
  'answer.empty.text': ['The moments appear here and on the timeline.', '找到的时刻会显示在这里和时间线上。'],
  'answer.found': ['{n} moment|{n} moments', '{n} 个时刻'],
  'answer.hidden': ['{n} below {percent}% confidence hidden', '已隐藏 {n} 个置信度低于 {percent}% 的时刻'],
  'answer.absent': ['Not found', '没有找到'],
  'answer.absent.text': ['The model looked at {n} frames between {from} and {to} and says that this does not happen.', '模型查看了 {from} 到 {to} 之间的 {n} 帧画面，认为这件事没有发生。'],
  'answer.absent.hint': ['A short event may lie between two frames: raise the sampling rate in the settings, or ask in other words.', '短暂的事件可能落在两帧之间：可在设置中提高采样率，或换一种说法提问。'],
  'answer.unread': ['No time in the answer', '回答中没有时间'],
  'answer.unread.text': ['The model answered, but not with a time that could be read. Its words are below.', '模型给出了回答，但其中没有可识别的时间。原文如下。'],
  'answer.words': ['The model’s own words', '模型原文'],
  'answer.reasoning': ['Reasoning', '推理过程'],
  'answer.notes': ['Notes', '备注'],
  'answer.details': ['Figures', '详细数据'],
  'answer.failed': ['The question could not be answered', '无法回答此问题'],
  'answer.cancelled': ['Cancelled', '已取消'],
  'answer.cancelled.text': ['The work on this question was stopped.', '此问题的处理已停止。'],
  'answer.ready': ['Answer ready', '回答完成'],
  'answer.ready.found': ['Answer ready: {n} moment found|Answer ready: {n} moments found', '回答完成：找到 {n} 个时刻'],
  'answer.ready.absent': ['Answer ready: not found', '回答完成：没有找到'],
  'event.confidence': ['confidence {percent}%', '置信度 {percent}%'],
  'event.unsure': ['confidence unknown', '置信度未知'],
  'event.uncertainty': ['start ± {start} s, end ± {end} s', '开始 ± {start} 秒，结束 ± {end} 秒'],
  'event.moment': ['Moment', '时刻'],
  'event.details': ['{from} to {to}, {confidence}', '{from} 到 {to}，{confidence}'],
  'event.go': ['Go to moment', '跳到时刻'],
  'event.loop': ['Loop', '循环播放'],
  'event.loopOne': ['Loop moment {n}', '循环播放时刻 {n}'],
  'event.clip': ['Clip', '剪辑'],
  'event.clipOne': ['Save moment {n} as a clip', '把时刻 {n} 存为剪辑'],
  'event.start': ['Start of moment {n}', '时刻 {n} 的开始'],
  'event.end': ['End of moment {n}', '时刻 {n} 的结束'],
  'event.corrected': ['corrected', '已修正'],
  'clip.exact': ['Exact cut', '精确剪切'],
  'clip.exact.text': ['to the frame, encoded anew', '精确到帧，重新编码'],
  'clip.fast': ['Fast cut', '快速剪切'],
  'clip.fast.text': ['at key frames, no loss', '在关键帧处剪切，无损'],
  'correct.changed': ['Edges moved, not saved yet', '边界已调整，尚未保存'],
  'correct.save': ['Save correction', '保存修正'],
  'correct.discard': ['Discard', '放弃'],
  'correct.saved': ['Shown as corrected by hand', '当前显示人工修正后的结果'],
  'correct.takeBack': ['Take back', '撤销修正'],
  'correct.done': ['Correction saved', '修正已保存'],
  'correct.undone': ['Correction taken back', '修正已撤销'],
  'export.label': ['Export', '导出'],
  'export.json': ['everything, for programs', '完整数据，供程序使用'],
  'export.csv': ['a table', '表格'],
  'export.srt': ['subtitles', '字幕'],
  'export.vtt': ['subtitles for the web', '网页字幕'],
  'export.edl': ['for video editors', '供剪辑软件使用'],

  // What the model saw
  'sampled.text': ['The {n} frames that the model saw, as small as it saw them. Choose one to go there.', '模型看到的 {n} 帧画面，保持其所见的尺寸。点选一帧可跳到该处。'],
  'sampled.none': ['Once a question is answered, the frames that the model saw stand here.', '问题得到回答后，这里会显示模型看到的画面。'],
  'sampled.frame': ['Frame at {time}', '{time} 的画面'],
  'sampled.failed': ['The frames cannot be shown.', '无法显示这些画面。'],

  // Timeline
  'timeline.label': ['Timeline', '时间线'],
  'timeline.position': ['Position in the video', '播放位置'],
  'timeline.moments': ['Moments on the timeline', '时间线上的时刻'],
  'timeline.in': ['Zoom in', '放大'],
  'timeline.out': ['Zoom out', '缩小'],
  'timeline.fit': ['Show the whole video', '显示整个视频'],
  'timeline.confidence': ['Confidence', '置信度'],
  'timeline.confidence.label': ['Least confidence of moments shown', '所显示时刻的最低置信度'],
  'timeline.empty': ['Ask a question, and the moments appear here', '提问后，找到的时刻会显示在这里'],
  'timeline.hint': ['Wheel or pinch to zoom', '滚轮或双指缩放'],

  // History and queue
  'history.search': ['Search questions', '搜索问题'],
  'history.none': ['No questions about this video yet', '还没有关于此视频的问题'],
  'history.nothing': ['No question matches', '没有匹配的问题'],
  'history.found': ['{n} moment|{n} moments', '{n} 个时刻'],
  'queue.title': ['Queue and history', '队列与历史'],
  'queue.counts': ['{running} at work, {queued} waiting', '{running} 个进行中，{queued} 个等待中'],
  'queue.search': ['Search questions and videos', '搜索问题和视频'],
  'queue.all': ['All', '全部'],
  'queue.filter': ['Show', '显示'],
  'queue.none': ['Nothing here', '这里没有内容'],
  'queue.none.text': ['Questions that are asked appear here, with their state and their answers.', '提出的问题及其状态和回答会显示在这里。'],
  'job.cancelOne': ['Cancel “{query}”', '取消“{query}”'],
  'job.retryOne': ['Try “{query}” again', '重试“{query}”'],
  'job.deleteOne': ['Delete “{query}”', '删除“{query}”'],
  'job.progress': ['Progress of “{query}”', '“{query}”的进度'],
  'job.delete': ['Delete this question and its answer?', '删除此问题及其回答？'],

  // Batch
  'batch.title': ['Batch', '批量'],
  'batch.text': ['Ask many questions about many videos; the answers come together in one table.', '对多个视频提出多个问题，所有回答汇总在一张表中。'],
  'batch.videos': ['Videos', '视频'],
  'batch.all': ['All {n} videos', '全部 {n} 个视频'],
  'batch.chosen': ['{n} chosen', '已选 {n} 个'],
  'batch.questions': ['Questions, one a line', '问题，每行一个'],
  'batch.placeholder': ['When does somebody enter?\nWhen is it dark?', '什么时候有人进来？\n什么时候变暗？'],
  'batch.ask': ['Ask {n} question|Ask {n} questions', '提出 {n} 个问题'],
  'batch.sum': ['{videos} × {questions}', '{videos} × {questions}'],
  'batch.earlier': ['Earlier batches', '以前的批次'],
  'batch.new': ['New batch', '新建批次'],
  'batch.name': ['{n} question, {time}|{n} questions, {time}', '{n} 个问题，{time}'],
  'batch.results': ['Results', '结果'],
  'batch.state': ['{done} of {total} answered', '已回答 {done} / {total}'],
  'batch.cancel': ['Cancel the rest', '取消其余任务'],
  'batch.forget': ['Forget this batch', '从列表中移除此批次'],
  'batch.unknown': ['This batch is not known in this browser.', '此浏览器中没有该批次的记录。'],
  'batch.none': ['Add videos first', '请先添加视频'],
  'column.video': ['Video', '视频'],
  'column.question': ['Question', '问题'],
  'column.moments': ['Moments', '时刻'],
  'column.state': ['State', '状态'],
  'column.confidence': ['Confidence', '置信度'],

  // Settings
  'settings.title': ['Settings', '设置'],
  'settings.model': ['Model', '模型'],
  'settings.looking': ['How the model looks', '观看方式'],
  'settings.page': ['Page', '页面'],
  'settings.rate': ['Frames a second', '每秒采样帧数'],
  'settings.rate.text': ['More frames find shorter events and take longer. Empty: {value}.', '帧数越多，越能发现短暂的事件，但耗时更长。留空则为{value}。'],
  'settings.frames': ['Frames at most', '最多帧数'],
  'settings.frames.text': ['Long videos are sampled more thinly beyond it. Empty: {value}.', '长视频超过此数时会降低采样密度。留空则为{value}。'],
  'settings.context': ['Context', '上下文长度'],
  'settings.context.text': ['Tokens of a prompt at most; a longer one is refused. For example 32K. Empty: {value}.', '提示词的最大长度（token），超出则拒绝，例如 32K。留空则为{value}。'],
  'settings.own': ['the model’s own', '模型默认值'],
  'settings.style': ['Prompt style', '提示词样式'],
  'settings.style.text': ['How the question is put. “auto” takes what the checkpoint was trained on ({value}).', '提问的格式。auto 采用模型训练时的格式（{value}）。'],
  'settings.grounding': ['Look for times', '查找时间'],
  'settings.grounding.text': ['Off: a plain answer in words.', '关闭时只给出文字回答。'],
  'settings.time': ['Time format', '时间格式'],
  'settings.language': ['Language', '语言'],
  'settings.theme': ['Colours', '外观'],
  'settings.theme.system': ['As the system', '跟随系统'],
  'settings.theme.light': ['Light', '浅色'],
  'settings.theme.dark': ['Dark', '深色'],
  'settings.keys': ['Keyboard shortcuts', '键盘快捷键'],
  'settings.reset': ['Back to the defaults', '恢复默认设置'],
  'settings.signOut': ['Forget the key on this browser', '在此浏览器上退出'],
  'model.parameters': ['Parameters', '参数量'],
  'model.context': ['Context', '上下文长度'],
  'model.sampling': ['Sampling', '采样'],
  'model.sampling.value': ['{fps} frames/s, at most {frames}', '每秒 {fps} 帧，最多 {frames} 帧'],
  'model.machine': ['Runs on', '运行于'],
  'model.threads': ['{n} thread|{n} threads', '{n} 线程'],
  'model.version': ['Version', '版本'],
  'figures.sampling': ['Sampling', '采样'],
  'figures.sampling.value': ['{frames} frames of {width} × {height}, {fps} a second', '{frames} 帧，{width} × {height}，每秒 {fps} 帧'],
  'figures.tokens': ['Tokens', 'Token'],
  'figures.tokens.value': ['{prompt} read ({vision} of them pictures), {generated} written', '读取 {prompt}（其中画面 {vision}），生成 {generated}'],
  'figures.time': ['Time', '用时'],
  'figures.time.value': ['{total} s: decoding {decode}, looking {vision}, reading {prefill}, answering {generation}', '{total} 秒：解码 {decode}，观看 {vision}，理解 {prefill}，回答 {generation}'],
  'figures.reused': ['Reused', '复用'],
  'figures.reused.value': ['{slots} of its pictures, {tokens} tokens read before', '已看过的画面 {slots} 组，已读过的 token {tokens} 个'],
  'figures.model': ['Model', '模型'],

  // Help
  'help.title': ['Help', '帮助'],
  'help.how': ['Add a video, ask when something happens, and see the moments on the timeline. The stronger a bar, the surer the model; the softer its ends, the less certain its times.', '添加视频，询问某件事何时发生，结果会显示在时间线上。色条越浓，模型越有把握；两端越柔和，时间越不确定。'],
  'help.keys': ['Keyboard', '键盘'],
  'help.space': ['play, pause', '播放、暂停'],
  'help.arrows': ['a second back, on; with Shift five', '后退、前进一秒；按住 Shift 为五秒'],
  'help.frames': ['a frame back, on', '后退、前进一帧'],
  'help.jkl': ['backwards, stop, forwards; again: faster', '倒放、停止、正放；再按加速'],
  'help.home': ['to the start, to the end', '跳到开头、结尾'],
  'help.moments': ['previous, next moment', '上一个、下一个时刻'],
  'help.loop': ['loop the chosen moment', '循环播放选中的时刻'],
  'help.zoom': ['zoom in, out, whole video', '放大、缩小、显示整个视频'],
  'help.ask': ['to the question box', '跳到提问框'],
  'help.help': ['this help', '打开本帮助'],
  'help.edges': ['On the edge of a moment: arrows move it by a frame, with Shift by a second; Escape undoes.', '焦点位于时刻边界时：方向键移动一帧，按住 Shift 移动一秒；Esc 撤销。'],
} as const satisfies Record<string, Pair>;

export type MessageKey = keyof typeof pairs;
export type Language = 'en' | 'zh';
export type Parameters = Record<string, string | number>;

export const messages: Record<MessageKey, Pair> = pairs;

export function translate(language: Language, key: MessageKey, parameters: Parameters = {}): string {
  let text: string = messages[key][language === 'zh' ? 1 : 0];
  if ('n' in parameters && text.includes('|')) {
    const [one = '', many = ''] = text.split('|');
    text = parameters.n === 1 ? one : many;
  }
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole));
}

// What the browser prefers, of the two that there are.
export function preferredLanguage(preferred: readonly string[]): Language {
  const first = preferred.find((tag) => /^(en|zh)\b/i.test(tag));
  return first && /^zh/i.test(first) ? 'zh' : 'en';
}

// Questions that fit: the default model knows drawn shapes and words only.
export function exampleQuestions(language: Language, model: string): string[] {
  const drawn = /nano/i.test(model);
  if (language === 'zh') {
    return drawn
      ? ['红色圆形什么时候出现？', '画面上什么时候有数字 5？', '找到场景切换到棋盘格背景的时刻。']
      : ['什么时候有人进入画面？', '球什么时候进网？', '人们什么时候鼓掌？'];
  }
  return drawn
    ? ['When is the red circle visible?', 'When is the number 5 on screen?', 'Find the moment when the scene cuts to a checkerboard.']
    : ['When does somebody enter?', 'When does the ball go in?', 'When do people applaud?'];
}
