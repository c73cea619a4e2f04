// The editor follows the browser; this site works in English unless somebody chose otherwise (it keeps the choice under this key).
if (!localStorage.getItem('editor-language')) localStorage.setItem('editor-language', 'en-US')
