// The editor follows the browser; staff work in Chinese unless they chose otherwise (it keeps the choice under this key).
if (!localStorage.getItem('editor-language')) localStorage.setItem('editor-language', 'zh-CN')
